//! Each flag.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::*;
use crate::Feed;
use crate::trip::{Flag, Rules};

#[rstest]
#[case(trip())]
#[case(trip_2_0())]
fn a_normal_trip_has_no_flags(#[case] sent: Value) {
    assert_eq!(flags(&rules(), &sent), []);
}

#[rstest]
#[case(TimeDelta::zero(), false)]
#[case(TimeDelta::hours(1) - TimeDelta::milliseconds(1), false)]
#[case(TimeDelta::hours(1), true)]
#[case(TimeDelta::milliseconds(-1), true)]
fn outside_hour(#[case] after: TimeDelta, #[case] expected: bool) {
    assert_eq!(
        flags(&rules(), &ending(after)) == [Flag::OutsideHour],
        expected
    );
}

#[rstest]
#[case("start_location")]
#[case("end_location")]
fn outside_area(#[case] end: &str) {
    let sent = with(trip_2_0(), end, json!({"lat": 45.0, "lng": 9.0}));
    assert_eq!(flags(&rules(), &sent), [Flag::OutsideArea]);
}

#[test]
fn without_an_area_no_trip_is_outside() {
    let sent = with(trip_2_0(), "end_location", json!({"lat": 45.0, "lng": 9.0}));
    let rules = Rules {
        area: None,
        ..rules()
    };
    assert_eq!(flags(&rules, &sent), []);
}

#[rstest]
#[case(json!(1), &[])]
#[case(json!(0), &[Flag::ZeroDistance])]
#[case(json!(0.4), &[Flag::ZeroDistance])]
#[case(json!(-3), &[Flag::ZeroDistance])]
#[case(json!(804_672), &[])]
#[case(json!(804_673), &[Flag::LongDistance])]
fn distance(#[case] metres: Value, #[case] expected: &[Flag]) {
    assert_eq!(
        flags(&rules(), &with(trip(), "trip_distance", metres)),
        expected
    );
}

#[rstest]
#[case(json!(60), &[])]
#[case(json!(59), &[Flag::ShortDuration])]
#[case(json!(0), &[Flag::ShortDuration])]
#[case(json!(-1), &[Flag::ShortDuration])]
#[case(json!(86_400), &[])]
#[case(json!(86_401), &[Flag::LongDuration])]
fn duration(#[case] seconds: Value, #[case] expected: &[Flag]) {
    assert_eq!(
        flags(&rules(), &with(trip(), "trip_duration", seconds)),
        expected
    );
}

#[rstest]
#[case::in_order(&[Some(1), Some(2), Some(2), Some(3)], false)]
#[case::out_of_order(&[Some(1), Some(3), Some(2)], true)]
#[case::reversed(&[Some(3), Some(2), Some(1)], true)]
#[case::no_times(&[None, None, None], false)]
#[case::some_times(&[None, Some(1), None, Some(2)], false)]
#[case::after_one_without_a_time(&[Some(2), None, Some(1)], true)]
fn unordered_route(#[case] times: &[Option<i64>], #[case] expected: bool) {
    let features = times.iter().map(|time| {
        let mut feature = feature(-97.74, 30.26, 0);
        feature["properties"]["timestamp"] = json!(time);
        feature
    });
    let found = flags(&rules(), &routed(features.collect()));
    assert_eq!(found == [Flag::UnorderedRoute], expected);
}

#[rstest]
#[case("start_time", "2020-06-01T12:20:00Z")]
#[case("end_time", "2020-06-01T12:30:00Z")]
#[case("publication_time", "2020-06-01T12:40:00Z")]
fn seconds_for_milliseconds(#[case] field: &str, #[case] time: &str) {
    let seconds = json!(milliseconds(time) / 1000);
    let of_1_2 = with(trip(), field, seconds.clone());
    let of_2_0 = with(trip_2_0(), field, seconds);
    let rules_of_0_2 = Rules {
        feed: Feed {
            seconds_expected: true,
            ..Feed::default()
        },
        ..rules()
    };
    assert_eq!(flags(&rules(), &of_1_2), [Flag::SecondsForMilliseconds]);
    assert_eq!(flags(&rules_of_0_2, &of_1_2), []);
    // A feed configured as 0.2 that sends trips of 2.0 must not have seconds either.
    assert_eq!(
        flags(&rules_of_0_2, &of_2_0),
        [Flag::SecondsForMilliseconds]
    );
}

#[test]
fn milliseconds_where_seconds_are_expected_are_not_odd() {
    let rules = Rules {
        feed: Feed {
            seconds_expected: true,
            ..Feed::default()
        },
        ..rules()
    };
    assert_eq!(flags(&rules, &trip()), []);
}

#[test]
fn swapped_coordinates_suspected() {
    let rules = Rules {
        area: Some(&Louisville),
        ..rules()
    };
    let right = json!({"lat": 38.2, "lng": -85.7});
    let wrong = json!({"lat": -85.7, "lng": 38.2});
    let sent = with(
        with(trip_2_0(), "start_location", right.clone()),
        "end_location",
        right,
    );
    assert_eq!(flags(&rules, &sent), []);
    let sent = with(sent, "end_location", wrong.clone());
    let expected = [Flag::OutsideArea, Flag::SwappedCoordinatesSuspected];
    assert_eq!(flags(&rules, &sent), expected);

    let sent = with(sent, "start_location", wrong);
    let swapping = Rules {
        feed: Feed {
            swap_coordinates: true,
            ..Feed::default()
        },
        ..rules
    };
    assert_eq!(flags(&swapping, &sent), []);
}

#[rstest]
#[case("standard_cost", json!(-1), true)]
#[case("actual_cost", json!(-150), true)]
#[case("actual_cost", json!(0), false)]
#[case("standard_cost", Value::Null, false)]
fn negative_cost(#[case] field: &str, #[case] cost: Value, #[case] expected: bool) {
    let found = flags(&rules(), &with(trip(), field, cost));
    assert_eq!(found == [Flag::NegativeCost], expected);
}

#[rstest]
#[case(json!("rider"), false)]
#[case(json!("RIDER"), false)]
#[case(json!(["rider"]), false)]
#[case(json!("private"), false)]
#[case(json!("shared"), false)]
#[case(json!(["maintenance", "rider"]), false)]
#[case(json!([]), false)]
#[case(json!(""), false)]
#[case(Value::Null, false)]
#[case(json!("rebalance"), true)]
#[case(json!("maintenance"), true)]
#[case(json!(["rebalance", "maintenance"]), true)]
#[case(json!("reservation"), true)]
#[case(json!("empty"), true)]
#[case(json!("delivery"), true)]
fn not_a_rider_trip(#[case] trip_type: Value, #[case] expected: bool) {
    let found = flags(&rules(), &with(trip_2_0(), "trip_type", trip_type));
    assert_eq!(found == [Flag::NotARiderTrip], expected);
}

#[test]
fn a_trip_can_have_several_flags() {
    let sent = with(
        with(trip(), "trip_distance", json!(0)),
        "trip_duration",
        json!(1),
    );
    let sent = with(sent, "actual_cost", json!(-5));
    assert_eq!(
        flags(&rules(), &sent),
        [Flag::ZeroDistance, Flag::ShortDuration, Flag::NegativeCost]
    );
}
