//! Each flag.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::*;
use crate::Feed;
use crate::trip::{Flag, Flags, Rules};

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
#[case(60, &[])]
#[case(59, &[Flag::ShortDuration])]
#[case(0, &[Flag::ShortDuration])]
#[case(86_400, &[])]
#[case(86_401, &[Flag::LongDuration])]
fn duration(#[case] seconds: i64, #[case] expected: &[Flag]) {
    let sent = with(lasting(trip(), seconds), "trip_duration", json!(seconds));
    assert_eq!(flags(&rules(), &sent), expected);
}

#[rstest]
#[case::as_the_times_say(600, 600, false)]
#[case::by_a_minute(160, 100, false)]
#[case::by_more_than_a_minute(161, 100, true)]
#[case::by_a_tenth(1100, 1000, false)]
#[case::by_more_than_a_tenth(1101, 1000, true)]
#[case::too_short_by_a_tenth(900, 1000, false)]
#[case::much_too_short(600, 108_000, true)]
#[case::milliseconds(600_000, 600, true)]
#[case::negative(-600, 600, true)]
#[case::beyond_every_trip(i64::MAX, 600, true)]
fn duration_mismatch(#[case] duration: i64, #[case] elapsed: i64, #[case] expected: bool) {
    for (sent, name) in [(trip(), "trip_duration"), (trip_2_0(), "duration")] {
        let sent = with(lasting(sent, elapsed), name, json!(duration));
        let found = flags(&rules(), &sent);
        assert_eq!(found.contains(&Flag::DurationMismatch), expected, "{name}");
    }
}

#[rstest]
#[case(json!([feature(-97.74, 30.26, 0)]), true)]
#[case(json!([feature(-97.74, 30.26, 0), {"geometry": null}]), true)]
#[case(json!([feature(-97.74, 30.26, 0), feature(-97.74, 30.26, 0)]), false)]
fn single_point(#[case] features: Value, #[case] expected: bool) {
    let found = flags(&rules(), &routed(features));
    assert_eq!(found == [Flag::SinglePoint], expected);
}

#[rstest]
#[case::a_time(json!({"geometry": {"coordinates": [-97.74, 30.26]}, "properties": {"timestamp": "noon"}}))]
#[case::a_list(json!({"geometry": {"coordinates": [-97.74, 30.26]}, "properties": {"timestamp": [1]}}))]
#[case::texts(json!({"geometry": {"coordinates": ["-97.74", "30.26"]}, "properties": {"timestamp": 1}}))]
#[case::one_number(json!({"geometry": {"coordinates": [-97.74]}, "properties": {"timestamp": 1}}))]
fn a_point_that_cannot_be_read(#[case] point: Value) {
    let features = json!([feature(-97.74, 30.26, 0), point, feature(-97.74, 30.26, 2)]);
    assert_eq!(flags(&rules(), &routed(features)), [Flag::UnusableField]);
}

#[rstest]
#[case(json!({"geometry": null, "properties": {"timestamp": "noon"}}))]
#[case(json!({"geometry": {"coordinates": null}}))]
#[case(json!({"geometry": {"coordinates": [-97.74, 30.26]}, "properties": {"timestamp": null}}))]
fn a_point_that_lacks_something_has_no_flag(#[case] point: Value) {
    let features = json!([feature(-97.74, 30.26, 0), point, feature(-97.74, 30.26, 2)]);
    assert_eq!(flags(&rules(), &routed(features)), []);
}

#[rstest]
#[case("scooter", false)]
#[case("SCOOTER", false)]
#[case("cargo_bicycle", false)]
#[case("delivery_robot", false)]
#[case("e-scooter", true)]
#[case("plate AB-123, J. Doe", true)]
fn unknown_vehicle_type(#[case] kind: &str, #[case] expected: bool) {
    for sent in [trip(), trip_2_0()] {
        let found = flags(&rules(), &with(sent, "vehicle_type", json!(kind)));
        assert_eq!(found == [Flag::UnknownVehicleType], expected);
    }
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
#[case("standard_cost", json!(2.5), true)]
#[case("actual_cost", json!(0.4), true)]
#[case("actual_cost", json!(-3.49), true)]
#[case("actual_cost", json!(250.0), false)]
fn fractional_cost(#[case] field: &str, #[case] cost: Value, #[case] expected: bool) {
    let trip = accepted(&with(trip(), field, cost));
    assert_eq!(trip.flags.contains(Flag::FractionalCost), expected);
    let loaded = trip.standard_cost.or(trip.actual_cost);
    assert_eq!(loaded, (!expected).then_some(250));
}

#[rstest]
#[case("provider_name", json!({}))]
#[case("provider_name", json!("nul \u{0} inside"))]
#[case("vehicle_id", json!([1]))]
#[case("propulsion_types", json!("electric"))]
#[case("propulsion_types", json!([1]))]
#[case("propulsion_types", json!(["a\u{0}"]))]
#[case("accuracy", json!("27"))]
#[case("accuracy", json!(1e300))]
#[case("accuracy", json!(-1))]
#[case("publication_time", json!(false))]
#[case("publication_time", json!(0))]
#[case("publication_time", json!("2020-01-01T22:00:00Z"))]
#[case("publication_time", json!(milliseconds("2021-06-01T12:00:00Z")))]
#[case("standard_cost", json!("150"))]
#[case("actual_cost", json!("2.15"))]
#[case("actual_cost", json!({}))]
#[case("actual_cost", json!(1e300))]
#[case("parking_verification_url", json!([]))]
#[case("trip_type", json!(1))]
#[case("parking_category", json!([]))]
#[case("journey_id", json!("J-17"))]
#[case("journey_id", json!(-1))]
#[case("data_provider_id", json!("kiwibot"))]
#[case("data_provider_id", json!(true))]
fn unusable_field(#[case] field: &str, #[case] value: Value) {
    for sent in [trip(), trip_2_0()] {
        let found = accepted(&with(sent.clone(), field, value.clone()));
        let mut without = accepted(&with(sent, field, Value::Null));
        assert_eq!(without.flags, Flags::NONE);
        without.flags.insert(Flag::UnusableField);
        assert_eq!(found, without);
    }
}

#[test]
fn a_vehicle_type_is_optional_in_2_0() {
    let found = accepted(&with(trip_2_0(), "vehicle_type", json!(7)));
    assert_eq!(found.vehicle_type, None);
    assert_eq!(found.flags.names(), ["unusable_field"]);
}

#[test]
fn propulsion_must_be_a_list_under_its_old_name_too() {
    let mut sent = with(trip(), "propulsion_type", json!("electric"));
    remove(&mut sent, "propulsion_types");
    let found = accepted(&sent);
    assert_eq!(found.propulsion_type, None);
    assert_eq!(found.flags.names(), ["unusable_field"]);
}

#[test]
fn half_a_character_is_an_unusable_text() {
    let sent = trip().to_string().replace(r#""A-1""#, r#""\ud83d""#);
    let found = rules().check(&sent).unwrap();
    assert_eq!(found.vehicle_id, None);
    assert_eq!(found.flags.names(), ["unusable_field"]);
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
        with(lasting(trip(), 1), "trip_distance", json!(0)),
        "trip_duration",
        json!(1),
    );
    let sent = with(sent, "actual_cost", json!(-5));
    assert_eq!(
        flags(&rules(), &sent),
        [Flag::ZeroDistance, Flag::ShortDuration, Flag::NegativeCost]
    );
}
