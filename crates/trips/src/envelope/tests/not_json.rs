//! Trips with a fault that JSON does not allow. They do not keep the others from being read.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::fixture::*;
use crate::envelope::{ArchiveWriter, EnvelopeError, TooLargeTrip, read_envelope, read_list};
use crate::fixtures::{PROVIDER_ID, rules};
use crate::json::window::WINDOW_BYTES;
use crate::trip::RejectReason;
use crate::vehicle::Vehicle;

const MEMBER: &str = "mds_etl_not_json";

#[rstest]
#[case::tab_in_a_text(b"{\"trip_id\":\"t\",\"vehicle_id\":\"a\tb\"}", json!({"trip_id": "t"}))]
#[case::line_feed_in_a_text(b"{\"vehicle_id\":\"a\nb\",\"trip_id\":\"t\"}", json!({"trip_id": "t"}))]
#[case::in_the_id(b"{\"trip_id\":\"a\tb\",\"end_time\":7}", json!({"end_time": 7}))]
#[case::leading_zeros(b"{\"trip_id\":7,\"accuracy\":007}", json!({"trip_id": 7}))]
#[case::plus(b"{\"trip_id\":\"t\",\"accuracy\":+7}", json!({"trip_id": "t"}))]
#[case::half_a_number(b"{\"accuracy\":.5,\"trip_id\":\"t\"}", json!({"trip_id": "t"}))]
#[case::trailing_comma(b"{\"trip_id\":\"t\",\"route\":[1,2,],}", json!({"trip_id": "t"}))]
#[case::missing_comma(b"{\"trip_id\":\"t\" \"end_time\":7}", json!({"trip_id": "t", "end_time": 7}))]
#[case::missing_value(b"{\"accuracy\":,\"trip_id\":\"t\"}", json!({"trip_id": "t"}))]
#[case::escaped_apostrophe(b"{\"trip_id\":\"t\",\"name\":\"O\\'Hara\"}", json!({"trip_id": "t"}))]
#[case::unknown_escape(b"{\"name\":\"\\x41\",\"trip_id\":\"t\"}", json!({"trip_id": "t"}))]
#[case::python(b"{'trip_id': 't', 'accuracy': None}", json!({}))]
#[case::javascript(b"{trip_id:\"t\",accuracy:undefined}", json!({}))]
#[case::quotes_within_a_text(b"{\"trip_id\":\"t\",\"name\":\"the \"red\" one\"}", json!({"trip_id": "t"}))]
#[case::comment(b"{\"trip_id\":\"t\" /* new */}", json!({"trip_id": "t"}))]
#[case::empty_but_for_a_comma(b"{,}", json!({}))]
#[case::and_not_utf_8(b"{\"trip_id\":\"t\",\"name\":\"caf\xe9\",\"accuracy\":007}", json!({"trip_id": "t"}))]
#[case::and_not_finite(b"{\"trip_id\":\"t\",\"cost\":NaN,\"accuracy\":007}", json!({"trip_id": "t"}))]
#[case::ids_and_times(
    b"{\"provider_id\":\"p\",\"device_id\":\"d\",\"trip_id\":\"t\",\"start_time\":1.50,\"end_time\":\"2\",\"route\":{\"trip\":1},\"a\":01}",
    json!({"provider_id": "p", "device_id": "d", "trip_id": "t", "start_time": 1.5, "end_time": "2"})
)]
#[case::a_time_twice(b"{\"trip_id\":\"t\",\"end_time\":1,\"end_time\":2,}", json!({"trip_id": "t"}))]
#[case::a_time_deeper(b"{\"route\":{\"end_time\":1},\"a\":01}", json!({}))]
fn such_a_trip_is_replaced_by_its_ids_and_times_and_can_be_restored(
    #[case] trip: &[u8],
    #[case] members: Value,
) {
    let sent = envelope(&[b"{\"n\":1}", trip, b"{\"n\":2}"]);
    for sizes in [vec![usize::MAX], vec![1]] {
        let mut collected = Collected::default();
        let summary = read_envelope(Pieces::new(&sent, sizes), &mut collected).unwrap();
        assert_eq!((summary.trips, summary.trips_too_large), (3, 0));
        assert_eq!(collected.non_finite, []);
        assert_eq!(collected.trips[0], "{\"n\":1}");
        assert_eq!(collected.trips[2], "{\"n\":2}");
        let mut marker: Value = serde_json::from_str(&collected.trips[1]).unwrap();
        assert_eq!(restored(&marker, MEMBER), trip);
        marker.as_object_mut().unwrap().remove(MEMBER);
        assert_eq!(marker, members);
    }
}

/// Half of a surrogate pair is JSON by its grammar, so the trip is passed on, and rejected.
#[test]
fn a_name_with_half_of_a_character_costs_its_trip_alone() {
    let (_, collected) = read(r#"{"trips":[{"\ud800":1},{"n":2}]}"#).unwrap();
    assert_eq!(collected.trips, [r#"{"\ud800":1}"#, r#"{"n":2}"#]);
}

#[test]
fn an_archive_with_such_a_trip_reads_the_same_again() {
    let trip = b"{\"trip_id\":\"t\",\"vehicle_id\":\"a\tb\"}";
    let (_, first) = read(envelope(&[trip])).unwrap();
    let mut archive = ArchiveWriter::new(Vec::new(), "0.4.0").unwrap();
    let marker: &RawValue = serde_json::from_str(&first.trips[0]).unwrap();
    archive.push(marker).unwrap();
    let (_, second) = read(String::from_utf8(archive.finish().unwrap()).unwrap()).unwrap();
    assert_eq!(second.trips, first.trips);
    let reject = rules().check(&second.trips[0]).unwrap_err();
    assert_eq!(reject.reasons, [RejectReason::NotJson]);
    assert_eq!(reject.trip_id.as_deref(), Some("t"));
}

/// What is known of the vehicle already is not overwritten with less.
#[test]
fn such_a_record_of_a_vehicle_is_not_used() {
    let sent =
        b"{\"vehicles\":[{\"device_id\":\"0309585e-599f-4e57-ac85-0123456789ab\",\"a\":01}]}";
    let mut collected = Collected::default();
    read_list(&sent[..], "vehicles", &mut collected).unwrap();
    let record: &RawValue = serde_json::from_str(&collected.trips[0]).unwrap();
    assert!(record.get().contains(MEMBER));
    assert_eq!(Vehicle::read(record, &[PROVIDER_ID]), None);
}

/// A fault that may hide where the trip ends must not take other trips with it.
#[rstest]
#[case::cut_off(r#"{"trips":[{"trip_id":"1","a":007"#)]
#[case::cut_off_after_the_trip(r#"{"trips":[{"trip_id":"1","a":007}"#)]
#[case::cut_off_after_the_list(r#"{"trips":[{"trip_id":"1","a":007}]"#)]
#[case::no_comma_behind(r#"{"trips":[{"a":007} {"b":1}]}"#)]
#[case::two_commas_behind(r#"{"trips":[{"a":007},,{"b":1}]}"#)]
#[case::comma_before_the_end(r#"{"trips":[{"a":007},]}"#)]
#[case::stray_brace(r#"{"trips":[{"a":007}},{"b":1}]}"#)]
#[case::stray_bracket(r#"{"trips":[{"a":007}],{"b":1}]}"#)]
#[case::brace_for_bracket(r#"{"trips":[{"a":[007},{"b":1}]}"#)]
#[case::bracket_for_brace(r#"{"trips":[{"a":007],{"b":1}]}"#)]
#[case::ends_with_a_bracket(r#"{"trips":[{"a":[007}],{"b":1}]}"#)]
#[case::a_quote_too_much(r#"{"trips":[{"trip_id":"1","a":"x"y"},{"trip_id":"2"}]}"#)]
#[case::a_quote_too_little(r#"{"trips":[{"trip_id":"1","a":"x},{"trip_id":"2"}]}"#)]
#[case::quotes_of_two_trips(
    r#"{"trips":[{"trip_id":"1","a":"x"y"},{"trip_id":"2"},{"trip_id":"3","a":"x"y"}]}"#
)]
#[case::quotes_of_two_records(
    r#"{"trips":[{"device_id":"1","a":"x"y"},{"device_id":"3","a":"x"y"}]}"#
)]
#[case::brackets_of_two_trips(r#"{"trips":[{"trip_id":1,"r":[1},{"trip_id":2,"r":2]}}]}"#)]
#[case::two_ids(r#"{"trips":[{"trip_id":1,"a":007,"trip_id":2}]}"#)]
#[case::apostrophes(r#"{"trips":[{'trip_id':1,'r':[1},{'trip_id':2,'r':2]}}]}"#)]
#[case::behind_the_list(r#"{"trips":[{"a":007}],"ttl":007}"#)]
#[case::another_member(r#"{"trips":[],"last":{"a":007}}"#)]
#[case::another_list(r#"{"trips":[],"areas":[{"a":007}]}"#)]
fn what_is_broken_between_trips_or_elsewhere_is_malformed(#[case] json: &str) {
    for sizes in [vec![usize::MAX], vec![1]] {
        let mut collected = Collected::default();
        let pieces = Pieces::new(json.as_bytes(), sizes);
        let error = read_envelope(pieces, &mut collected).unwrap_err();
        let is_malformed = matches!(error, EnvelopeError::Malformed { .. });
        assert!(is_malformed, "{error:?}");
    }
}

/// Wherever the window ends: in the trip, before it or after it.
#[test]
fn such_a_trip_may_stand_at_any_place_of_the_window() {
    let trip = b"{\"a\":\"\t\",\"b\":007}";
    for padding in WINDOW_BYTES - 60..WINDOW_BYTES {
        let long = format!("\"{}\"", "x".repeat(padding));
        let (_, collected) = read(envelope(&[long.as_bytes(), trip, b"{\"b\":1}"])).unwrap();
        let marker: Value = serde_json::from_str(&collected.trips[1]).unwrap();
        assert_eq!(restored(&marker, MEMBER), trip, "{padding}");
        assert_eq!(collected.trips[2], "{\"b\":1}", "{padding}");
    }
}

#[test]
fn such_a_trip_may_be_larger_than_the_window() {
    let filling = "y".repeat(WINDOW_BYTES * 3);
    for trip in [
        format!("{{\"a\":007,\"b\":\"{filling}\"}}"),
        format!("{{\"b\":\"{filling}\",\"a\":007}}"),
    ] {
        let (_, collected) = read(envelope(&[trip.as_bytes(), b"7"])).unwrap();
        let marker: Value = serde_json::from_str(&collected.trips[0]).unwrap();
        assert!(restored(&marker, MEMBER) == trip.as_bytes());
        assert_eq!(collected.trips[1], "7");
    }
}

/// A control character takes six bytes in what replaces it, which has to be read again.
#[test]
fn of_a_large_one_only_size_and_hash_are_kept() {
    let large = format!(
        "{{\"trip_id\":\"t\",\"a\":\"{}\"}}",
        "\u{1}".repeat(11 << 20)
    );
    let (summary, collected) = read(envelope(&[b"1", large.as_bytes(), b"2"])).unwrap();
    assert_eq!((summary.trips, summary.trips_too_large), (3, 1));
    let marker = TooLargeTrip::read(&collected.trips[1]).unwrap();
    assert_eq!(marker.text.bytes, large.len() as u64);
    assert_eq!(marker.trip_id.unwrap().get(), "\"t\"");
    assert_eq!(collected.trips[2], "2");
}

/// A member of a trip, which may be faulty.
fn any_member() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        r#""a":1.50"#,
        r#""a":{"b":[1,{"c":"}]"}]}"#,
        r#""a":"\\\"{[""#,
        "\"a\":\"\t\"",
        r#""a":007"#,
        r#""a":"\'""#,
        r#""a":[1,]"#,
        "",
        r#""a":{"b":.5}"#,
        "\"a\":\"say \"hi\" now\"",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    /// Such faults in some trips change no other trip, whatever the pieces that arrive.
    #[test]
    fn such_faults_cost_no_other_trip(
        trips in prop::collection::vec(prop::collection::vec(any_member(), 0..4), 1..8),
        sizes in prop::collection::vec(1_usize..64, 1..8),
    ) {
        let trips: Vec<String> = trips
            .iter()
            .map(|members| format!("{{\"trip_id\":\"t\",\"list\":[{{{}}}]}}", members.join(",")))
            .collect();
        let parts: Vec<&[u8]> = trips.iter().map(String::as_bytes).collect();
        let mut collected = Collected::default();
        let sent = envelope(&parts);
        let summary = read_envelope(Pieces::new(&sent, sizes), &mut collected).unwrap();
        prop_assert_eq!(summary.trips, trips.len() as u64);
        prop_assert_eq!(collected.trips.len(), trips.len());
        for (received, sent) in collected.trips.iter().zip(&trips) {
            if serde_json::from_str::<&RawValue>(sent).is_ok() {
                prop_assert_eq!(received, sent);
            } else {
                let marker: Value = serde_json::from_str(received).unwrap();
                prop_assert_eq!(&restored(&marker, MEMBER), sent.as_bytes());
                prop_assert_eq!(&marker["trip_id"], "t");
            }
        }
    }
}
