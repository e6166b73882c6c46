#![allow(clippy::unwrap_used, reason = "a test may panic")]
use super::*;

fn fingerprints(trips: &[&str]) -> Fingerprints {
    let mut fingerprints = Fingerprints::default();
    for trip in trips {
        fingerprints.push(serde_json::from_str(trip).unwrap());
    }
    fingerprints
}

#[test]
fn the_same_trips_in_another_order_and_spelling_are_the_same() {
    let before = fingerprints(&[r#"{"trip_id":"a","x":1}"#, r#"{"trip_id":"b"}"#]);
    let after = fingerprints(&[r#"{"trip_id":"b"}"#, r#"{ "x": 1, "trip_id": "a" }"#]);
    assert!(before.compare(after).are_none());
}

#[test]
fn new_changed_and_gone_trips_are_told_apart() {
    let before = fingerprints(&[
        r#"{"trip_id":"a","x":1}"#,
        r#"{"trip_id":"b"}"#,
        r#"{"trip_id":"c"}"#,
    ]);
    let after = fingerprints(&[
        r#"{"trip_id":"A","x":2}"#,
        r#"{"trip_id":"c"}"#,
        r#"{"trip_id":"d"}"#,
        r#"{"trip_id":7}"#,
    ]);
    let changes = before.compare(after);
    assert_eq!((changes.new, changes.changed, changes.gone), (2, 1, 1));
}

#[test]
fn a_second_delivery_of_a_trip_is_a_change_of_it() {
    let once = fingerprints(&[r#"{"trip_id":"a","x":1}"#]);
    let twice = fingerprints(&[r#"{"trip_id":"a","x":1}"#, r#"{"trip_id":"a","x":2}"#]);
    let changes = once.compare(twice);
    assert_eq!((changes.new, changes.changed, changes.gone), (0, 1, 0));
}

#[test]
fn deliveries_of_a_trip_in_another_order_are_a_change_of_it() {
    let trips = [r#"{"trip_id":"a","x":1}"#, r#"{"trip_id":"a","x":2}"#];
    let turned = fingerprints(&[trips[1], trips[0]]);
    let changes = fingerprints(&trips).compare(turned);
    assert_eq!((changes.new, changes.changed, changes.gone), (0, 1, 0));
}

#[test]
fn an_integer_id_counts_with_all_its_digits() {
    let before = fingerprints(&[r#"{"trip_id":1180591620717411303424}"#]);
    let after = fingerprints(&[r#"{"trip_id":1180591620717411303425}"#]);
    let changes = before.compare(after);
    assert_eq!((changes.new, changes.changed, changes.gone), (1, 0, 1));
}

#[test]
fn a_trip_without_an_id_is_known_by_what_it_says() {
    let before = fingerprints(&["{\"x\":1}", "[]"]);
    let after = fingerprints(&["[]", "{\"x\":2}"]);
    let changes = before.compare(after);
    assert_eq!((changes.new, changes.changed, changes.gone), (1, 0, 1));
}

#[test]
fn another_spelling_of_an_id_is_no_other_trip() {
    let usual = r#"{"trip_id":"5eed0000-0000-4000-8000-0000000000ab"}"#;
    for other in [
        r#"{"trip_id":"5EED0000-0000-4000-8000-0000000000AB"}"#,
        r#"{"trip_id":"5eed00000000400080000000000000ab"}"#,
        r#"{"trip_id":"urn:uuid:5eed0000-0000-4000-8000-0000000000ab"}"#,
        r#"{"trip_id":"{5eed0000-0000-4000-8000-0000000000ab}"}"#,
    ] {
        let changes = fingerprints(&[usual]).compare(fingerprints(&[other]));
        assert_eq!((changes.new, changes.gone), (0, 0), "{other}");
    }
}
