//! Trips that are no JSON or too large. They do not keep the others from being read.

use std::io::Read as _;

use rstest::rstest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::fixture::*;
use crate::envelope::read::read_window;
use crate::envelope::{ArchiveWriter, NonFiniteTrip, TooLargeTrip, read_envelope};
use crate::json::window::{WINDOW_BYTES, Window};

const LIMIT: usize = WINDOW_BYTES * 2;

#[rstest]
#[case::not_a_number(r#"{"a":NaN}"#, r#"{"a":null}"#)]
#[case::infinite(
    r#"{"a":[Infinity,-Infinity],"b":"NaN"}"#,
    r#"{"a":[null,null],"b":"NaN"}"#
)]
#[case::itself("NaN", "null")]
#[case::itself_negative("-Infinity", "null")]
#[case::spaced_out("{ \"a\" :\n NaN }", "{ \"a\" :\n null }")]
fn a_trip_with_a_number_that_is_not_finite_is_passed_on_as_it_was_sent(
    #[case] trip: &str,
    #[case] with_nulls: &str,
) {
    let json = format!(r#"{{"ttl":NaN,"trips":[{{"b":1}},{trip},{{"b":2}}],"x":[Infinity]}}"#);
    let (summary, collected) = read(&json).unwrap();
    assert_eq!(collected.trips, [r#"{"b":1}"#, r#"{"b":2}"#]);
    let expected = (trip.to_owned(), with_nulls.to_owned());
    assert_eq!(collected.non_finite, [expected]);
    assert_eq!(summary.trips, 3);
}

#[rstest]
#[case(r#"{"trips":[Nan]}"#)]
#[case(r#"{"trips":[{"a":NaN]}]}"#)]
#[case(r#"{"trips":[[NaN"b"]]}"#)]
#[case(r#"{"trips":[{"a":NaN},]}"#)]
#[case(r#"{"trips":[{"a":NaN}"#)]
#[case(r#"{"trips":[{"a":Na"#)]
#[case(r#"{"trips":[[+Infinity]]}"#)]
#[case(r#"{"trips":[],"ttl":{NaN:1}}"#)]
fn what_is_broken_otherwise_is_malformed(#[case] json: &str) {
    assert!(read(json).is_err());
}

/// A token may be cut by the end of the window, wherever that is.
#[test]
fn tokens_are_found_at_any_place_of_the_window() {
    let trip = r#"{"a":-Infinity,"b":NaN}"#;
    for padding in WINDOW_BYTES - 60..WINDOW_BYTES {
        let json = format!("{{\"trips\":[\"{}\",{trip},1]}}", "x".repeat(padding));
        let (_, collected) = read(&json).unwrap();
        assert_eq!(collected.trips.len(), 2, "{padding}");
        assert_eq!(collected.non_finite[0].0, trip, "{padding}");
    }
}

#[test]
fn a_trip_larger_than_the_window_may_have_such_numbers_anywhere() {
    let filling = "y".repeat(WINDOW_BYTES * 3);
    for trip in [
        format!(r#"{{"a":NaN,"b":"{filling}"}}"#),
        format!(r#"{{"b":"{filling}","a":NaN}}"#),
    ] {
        let (_, collected) = read(format!("{{\"trips\":[{trip},7]}}")).unwrap();
        assert_eq!(collected.non_finite[0].0, trip);
        assert_eq!(collected.trips, ["7"]);
    }
}

#[test]
fn an_archive_keeps_such_a_trip_and_is_read_again() {
    let mut archive = ArchiveWriter::new(Vec::new(), "0.4.0").unwrap();
    let with_nulls = serde_json::value::to_raw_value(&Value::Null).unwrap();
    for text in ["NaN", r#"{"a":NaN}"#] {
        let trip = NonFiniteTrip {
            text,
            with_nulls: &with_nulls,
        };
        archive.push_non_finite(&trip).unwrap();
    }
    archive.push(&with_nulls).unwrap();
    let archive = archive.finish().unwrap();
    let mut collected = Collected::default();
    read_envelope(archive.as_slice(), &mut collected).unwrap();
    assert_eq!(collected.non_finite[1].0, r#"{"a":NaN}"#);
    assert_eq!(collected.trips, ["null"]);
}

fn read_limited(json: &str) -> (u64, Vec<String>) {
    let mut collected = Collected::default();
    let window = Window::new(json.as_bytes()).max_value_bytes(LIMIT);
    let summary = read_window(window, "trips", &mut collected).unwrap();
    assert_eq!(summary.trips, collected.trips.len() as u64);
    (summary.trips_too_large, collected.trips)
}

#[rstest]
#[case::an_object(format!(r#"{{"trip_id":"x","route":[{}0]}}"#, "0,".repeat(LIMIT)))]
#[case::a_string(format!("\"{}\\\"]\"", "x".repeat(LIMIT)))]
#[case::far_larger(format!("[\"{}\"]", "x".repeat(LIMIT * 7)))]
#[case::with_nan(format!(r#"{{"a":NaN,"route":[{}0]}}"#, "0,".repeat(LIMIT)))]
fn in_place_of_a_trip_that_is_too_large_stands_a_marker(#[case] large: String) {
    let json = format!("{{\"trips\":[1,{large},{{}}],\"ttl\":0}}");
    let (too_large, trips) = read_limited(&json);
    assert_eq!((too_large, trips.len()), (1, 3));
    assert_eq!((trips[0].as_str(), trips[2].as_str()), ("1", "{}"));
    let marker = TooLargeTrip::read(&trips[1]).unwrap();
    assert_eq!(marker.text.bytes, large.len() as u64);
    assert_eq!(
        marker.text.sha256,
        format!("{:x}", Sha256::digest(large.as_bytes()))
    );
    assert_eq!(marker.trip_id.is_some(), large.starts_with("{\"trip_id\""));
}

#[test]
fn another_member_that_is_too_large_is_skipped() {
    let filling = "x".repeat(LIMIT);
    let json = format!(r#"{{"filling":"{filling}","trips":[1]}}"#);
    assert_eq!(read_limited(&json), (0, vec!["1".to_owned()]));
}

#[test]
fn a_body_that_ends_within_such_a_trip_is_malformed() {
    let json = format!("{{\"trips\":[\"{}", "x".repeat(LIMIT * 2));
    let window = Window::new(json.as_bytes()).max_value_bytes(LIMIT);
    let error = read_window(window, "trips", &mut Collected::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the text ends within a value"), "{text}");
}

#[test]
fn a_connection_that_breaks_within_such_a_trip_is_an_error_of_reading() {
    struct Gone;
    impl std::io::Read for Gone {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    let json = format!("{{\"trips\":[\"{}", "x".repeat(LIMIT * 2));
    let window = Window::new(json.as_bytes().chain(Gone)).max_value_bytes(LIMIT);
    let error = read_window(window, "trips", &mut Collected::default()).unwrap_err();
    assert!(
        matches!(error, crate::envelope::EnvelopeError::Read(_)),
        "{error:?}"
    );
}
