//! Trips at the beginning of a longer text.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::*;

proptest! {
    #[test]
    fn a_trip_is_the_same_whatever_follows(tail in ".{0,40}", duration in 0..100_000_i64) {
        let mut trip = trip();
        trip["trip_duration"] = json!(duration);
        let alone = trip.to_string();
        let text = format!("{alone}{tail}");
        let (ahead, own) = rules().check_ahead(text.as_bytes()).unwrap();
        prop_assert_eq!(own, alone.as_str());
        prop_assert_eq!(ahead, rules().check(&alone).unwrap());
    }
}

#[test]
fn a_trip_that_is_cut_off_is_not_taken() {
    let text = trip().to_string();
    for end in 0..text.len() {
        let cut = &text.as_bytes()[..end];
        assert!(rules().check_ahead(cut).is_none(), "cut at {end}");
    }
    assert!(rules().check_ahead(text.as_bytes()).is_some());
}

#[test]
fn a_rejected_trip_is_not_taken() {
    for (member, value) in [
        ("trip_id", Value::Null),
        ("start_time", json!("yesterday")),
        ("route", json!([])),
    ] {
        let mut trip = trip();
        trip[member] = value;
        let text = trip.to_string();
        assert!(rules().check(&text).is_err(), "{member}");
        assert!(rules().check_ahead(text.as_bytes()).is_none(), "{member}");
    }
    for text in ["", "7", "null,", "[]", "{},", "<html>"] {
        assert!(rules().check_ahead(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_not_taken_even_in_skipped_members() {
    let mut trip = trip();
    trip["unknown"] = json!({"note": "?"});
    let mut text = trip.to_string().into_bytes();
    assert!(rules().check_ahead(&text).is_some());
    let place = text.iter().position(|byte| *byte == b'?').unwrap();
    text[place] = 0xff;
    assert!(rules().check_ahead(&text).is_none());
}
