//! The fields of trips that can be loaded.

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::*;
use crate::trip::{Flag, Flags, Point, Rules, Trip};
use crate::{CostUnit, Feed};

const START: Point = Point {
    lat: 30.26,
    lng: -97.74,
};
const END: Point = Point {
    lat: 30.27,
    lng: -97.75,
};

#[test]
fn every_field_of_a_1_2_trip_is_read() {
    let mut sent = trip();
    sent["publication_time"] = json!(milliseconds("2020-06-01T12:31:00Z"));
    sent["parking_verification_url"] = json!("https://example.com/1.jpg");
    sent["standard_cost"] = json!(0);
    sent["actual_cost"] = json!(150);
    sent["currency"] = json!("USD");
    let expected = Trip {
        provider_id: PROVIDER.parse().unwrap(),
        provider_name: Some("Wheels of the Fixture".to_owned()),
        device_id: "aa5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d".parse().unwrap(),
        vehicle_id: Some("A-1".to_owned()),
        vehicle_type: Some("scooter".to_owned()),
        propulsion_type: Some("electric".to_owned()),
        trip_id: "bb5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d".parse().unwrap(),
        trip_duration: 600,
        trip_distance: 1200,
        accuracy: Some(5),
        start_time: instant("2020-06-01T12:20:00Z"),
        end_time: instant("2020-06-01T12:30:00Z"),
        publication_time: Some(instant("2020-06-01T12:31:00Z")),
        parking_verification_url: Some("https://example.com/1.jpg".to_owned()),
        standard_cost: Some(0),
        actual_cost: Some(150),
        currency: Some("USD".to_owned()),
        start: START,
        end: END,
        data_provider_id: None,
        journey_id: None,
        trip_type: None,
        parking_category: None,
        flags: Flags::NONE,
    };
    assert_eq!(accepted(&sent), expected);
}

#[test]
fn every_field_of_a_2_0_trip_is_read() {
    let mut sent = trip_2_0();
    sent["trip_type"] = json!(["rider"]);
    sent["journey_id"] = json!("CC5BC82B-8E2B-4A0E-8F5B-3C9D2A3B4C5D");
    sent["data_provider_id"] = json!(PROVIDER);
    sent["parking_category"] = json!("rack");
    let trip = accepted(&sent);
    assert_eq!((trip.trip_duration, trip.trip_distance), (600, 1200));
    assert_eq!((trip.start, trip.end), (START, END));
    assert_eq!(trip.vehicle_type, None);
    assert_eq!(trip.trip_type.as_deref(), Some("rider"));
    assert_eq!(
        trip.journey_id,
        "cc5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d".parse().ok()
    );
    assert_eq!(trip.data_provider_id, PROVIDER.parse().ok());
    assert_eq!(trip.parking_category.as_deref(), Some("rack"));
}

#[rstest]
#[case::no_location(&["start_location", "end_location"])]
#[case::the_start_alone(&["end_location"])]
#[case::the_end_alone(&["start_location"])]
fn a_2_0_trip_may_have_a_route_in_place_of_a_location(#[case] missing: &[&str]) {
    let mut sent = with(trip_2_0(), "route", trip()["route"].clone());
    for location in missing {
        sent[location] = Value::Null;
    }
    let trip = accepted(&sent);
    assert_eq!((trip.start, trip.end), (START, END));
    assert_eq!(trip.vehicle_type, None);
}

#[rstest]
#[case("provider_name")]
#[case("vehicle_id")]
#[case("propulsion_types")]
#[case("accuracy")]
fn fields_that_no_number_depends_on_may_be_missing(
    #[case] field: &str,
    #[values(true, false)] as_null: bool,
) {
    let mut sent = trip();
    remove(&mut sent, field);
    if as_null {
        sent[field] = Value::Null;
    }
    assert!(accepted(&sent).flags.is_empty());
}

#[rstest]
#[case("parking_verification_url")]
#[case("standard_cost")]
#[case("actual_cost")]
#[case("currency")]
#[case("publication_time")]
#[case("journey_id")]
#[case("trip_type")]
fn null_is_the_same_as_absent(#[case] field: &str) {
    assert_eq!(
        accepted(&with(trip(), field, Value::Null)),
        accepted(&trip())
    );
}

#[test]
fn unknown_members_are_skipped() {
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let sent = trip()
        .to_string()
        .replacen('{', &format!(r#"{{"x":{deep},"#), 1);
    assert_eq!(rules().check(&sent).unwrap(), accepted(&trip()));
}

#[test]
fn an_upper_case_uuid_is_the_same_uuid() {
    let sent = with(
        trip(),
        "trip_id",
        json!("BB5BC82B-8E2B-4A0E-8F5B-3C9D2A3B4C5D"),
    );
    assert_eq!(accepted(&sent), accepted(&trip()));
}

#[rstest]
#[case(json!(1), "0309585e-599f-4e57-ac85-fffffffffff1")]
#[case(json!("1"), "0309585e-599f-4e57-ac85-fffffffffff1")]
#[case(json!(104_865), "0309585e-599f-4e57-ac85-fffffff199a1")]
#[case(json!("99999999"), "0309585e-599f-4e57-ac85-fffff5f5e0ff")]
#[case(json!(104_865.0), "0309585e-599f-4e57-ac85-fffffff199a1")]
#[case(json!(9_007_199_254_740_992.0), "0309585e-599f-4e57-ac20-000000000000")]
fn an_integer_id_becomes_a_uuid_of_its_provider(
    #[case] id: Value,
    #[case] expected: &str,
    #[values("trip_id", "device_id")] field: &str,
) {
    let trip = accepted(&with(trip(), field, id));
    let found = if field == "trip_id" {
        trip.trip_id
    } else {
        trip.device_id
    };
    assert_eq!(found.to_string(), expected);
}

#[test]
fn a_vehicle_id_may_be_a_number() {
    let trip = accepted(&with(trip(), "vehicle_id", json!(12_345_678)));
    assert_eq!(trip.vehicle_id.as_deref(), Some("12345678"));
}

#[rstest]
#[case("propulsion_types")]
#[case("propulsion_type")]
fn propulsion_is_read_under_its_old_and_new_name(#[case] name: &str) {
    let mut sent = trip();
    remove(&mut sent, "propulsion_types");
    let trip = accepted(&with(sent, name, json!(["human", "electric_assist"])));
    assert_eq!(
        trip.propulsion_type.as_deref(),
        Some("human,electric_assist")
    );
}

#[test]
fn escapes_in_a_text_are_resolved() {
    let sent = trip().to_string().replace(r#""A-1""#, r#""\u0041\/\"\n""#);
    let trip = rules().check(&sent).unwrap();
    assert_eq!(trip.vehicle_id.as_deref(), Some("A/\"\n"));
}

#[rstest]
#[case(json!(600.0), 600)]
#[case(json!(600.4), 600)]
#[case(json!(600.5), 601)]
#[case(json!(6e2), 600)]
#[case(json!(9_007_199_254_740_993_i64), 9_007_199_254_740_993)]
fn fractions_are_rounded(#[case] sent: Value, #[case] expected: i64) {
    assert_eq!(
        accepted(&with(trip(), "trip_duration", sent)).trip_duration,
        expected
    );
}

#[rstest]
#[case(json!(1_591_014_000), "2020-06-01T12:20:00Z")]
#[case(json!(1_591_014_000_000_i64), "2020-06-01T12:20:00Z")]
#[case(json!(1_591_014_000.123), "2020-06-01T12:20:00.123Z")]
#[case(json!(1_591_014_000.123_456), "2020-06-01T12:20:00.123456Z")]
#[case(json!(1_591_014_000_123.5), "2020-06-01T12:20:00.123500Z")]
#[case(json!("1591014000"), "2020-06-01T12:20:00Z")]
#[case(json!("1591014000123"), "2020-06-01T12:20:00.123Z")]
#[case(json!(" 1591014000.5 "), "2020-06-01T12:20:00.500Z")]
#[case(json!(1.591_014e9), "2020-06-01T12:20:00Z")]
fn a_timestamp_is_read_by_its_magnitude(#[case] sent: Value, #[case] expected: &str) {
    let trip = accepted(&with(trip(), "start_time", sent));
    assert_eq!(trip.start_time, instant(expected));
}

#[test]
fn ends_are_those_of_the_route_sorted_by_time() {
    let features = json!([
        feature(-97.2, 30.2, 200),
        feature(-97.4, 30.4, 400),
        feature(-97.1, 30.1, 100),
        feature(-97.3, 30.3, 300),
    ]);
    let trip = accepted(&routed(features));
    assert_eq!(
        trip.start,
        Point {
            lat: 30.1,
            lng: -97.1
        }
    );
    assert_eq!(
        trip.end,
        Point {
            lat: 30.4,
            lng: -97.4
        }
    );
}

#[test]
fn points_with_the_same_time_keep_the_order_of_the_file() {
    let features = json!([
        feature(-97.1, 30.1, 5),
        feature(-97.2, 30.2, 5),
        feature(-97.3, 30.3, 5)
    ]);
    let trip = accepted(&routed(features));
    assert_eq!(
        trip.start,
        Point {
            lat: 30.1,
            lng: -97.1
        }
    );
    assert_eq!(
        trip.end,
        Point {
            lat: 30.3,
            lng: -97.3
        }
    );
}

#[rstest]
#[case(json!([{"geometry": {"coordinates": [-97.1, 30.1]}}, {"geometry": {"coordinates": [-97.3, 30.3]}}]))]
#[case(json!([
    {"geometry": {"coordinates": [-97.1, 30.1, 150.0]}, "properties": {"timestamp": "100"}},
    {"geometry": {"coordinates": [-97.2, 30.2]}, "properties": null},
    {"geometry": {"coordinates": [-97.3, 30.3]}, "properties": {"timestamp": 300.5}},
]))]
#[case(json!([
    {"geometry": {"coordinates": [-97.3, 30.3]}, "properties": {"timestamp": 300}},
    {"geometry": {"coordinates": [-97.1, 30.1]}, "properties": {"timestamp": 100}},
    {"geometry": {"coordinates": [-97.2, 30.2]}, "properties": {"timestamp": []}},
]))]
fn a_point_without_a_time_has_the_time_of_the_one_before(#[case] features: Value) {
    let trip = accepted(&routed(features));
    assert_eq!(
        trip.start,
        Point {
            lat: 30.1,
            lng: -97.1
        }
    );
    assert_eq!(
        trip.end,
        Point {
            lat: 30.3,
            lng: -97.3
        }
    );
}

#[rstest]
#[case("2026-11-20T22:06:00Z", "2026-11-20T22:02:00+00:00")]
#[case("2026-11-20T16:06:00-06:00", " 2026-11-20T22:05:59.9Z ")]
#[case("2026-11-20T22:06:00Z", "1795212120000")]
fn points_with_times_as_text_are_sorted(#[case] late: &str, #[case] early: &str) {
    let features = json!([
        {"geometry": {"coordinates": [-97.3, 30.3]}, "properties": {"timestamp": late}},
        {"geometry": {"coordinates": [-97.1, 30.1]}, "properties": {"timestamp": early}},
    ]);
    let trip = accepted(&routed(features));
    let ends = (trip.start.lat, trip.end.lat);
    assert_eq!(ends, (30.1, 30.3));
    assert_eq!(trip.flags.names(), ["unordered_route"]);
}

#[test]
fn features_without_a_point_are_skipped() {
    let features = json!([
        {"geometry": null}, feature(-97.1, 30.1, 1), 5, feature(-97.3, 30.3, 2), {"properties": {}},
    ]);
    let trip = accepted(&routed(features));
    assert_eq!(
        trip.start,
        Point {
            lat: 30.1,
            lng: -97.1
        }
    );
    assert_eq!(
        trip.end,
        Point {
            lat: 30.3,
            lng: -97.3
        }
    );
}

#[rstest]
#[case(|lng, lat| json!({"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [lng, lat]}}))]
#[case(|lng, lat| json!({"type": "Point", "coordinates": [lng, lat, 150.1]}))]
#[case(|lng, lat| json!({"geometry": {"coordinates": [lng, lat]}, "bbox": [0, 0, 1, 1], "lat": null}))]
fn a_geojson_feature_or_point_is_a_location(#[case] location: fn(f64, f64) -> Value) {
    let sent = with(trip_2_0(), "start_location", location(-97.74, 30.26));
    let sent = with(sent, "end_location", location(-97.75, 30.27));
    let trip = accepted(&sent);
    assert_eq!((trip.start, trip.end), (START, END));
}

#[test]
fn a_route_of_one_point_starts_and_ends_there() {
    let trip = accepted(&routed(
        json!([{"geometry": null}, feature(-97.74, 30.26, 0)]),
    ));
    assert_eq!((trip.start, trip.end), (START, START));
}

#[rstest]
#[case(json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [-97.74, 30.26]}, "properties": {}}))]
#[case(json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [-97.74, 30.26, 150.1]}}))]
#[case(json!({"type": "Point", "coordinates": [-97.74, 30.26]}))]
#[case(json!({"lat": 30.26, "lng": -97.74, "geometry": null}))]
fn a_location_may_be_a_point_of_geojson(#[case] location: Value) {
    let trip = accepted(&with(trip_2_0(), "start_location", location));
    assert_eq!((trip.start, trip.end), (START, END));
}

#[rstest]
#[case("usd", "USD")]
#[case(" JPY", "JPY")]
#[case("Eur\n", "EUR")]
fn a_currency_is_a_code_in_upper_case(#[case] sent: &str, #[case] expected: &str) {
    let found = accepted(&with(trip(), "currency", json!(sent)));
    assert_eq!(found, accepted(&with(trip(), "currency", json!(expected))));
    assert_eq!(found.currency.as_deref(), Some(expected));
}

/// Null stands for US dollars, so it is not what an unreadable currency becomes.
#[rstest]
#[case(json!(840))]
#[case(json!("\u{a5}"))]
#[case(json!("\u{20ac}UR"))]
#[case(json!("US"))]
#[case(json!("us$"))]
#[case(json!("EURO"))]
#[case(json!("840"))]
#[case(json!("YEN"))]
#[case(json!("XXX"))]
#[case(json!(" "))]
#[case(json!({"code": "JPY"}))]
fn a_currency_that_was_sent_and_cannot_be_read_is_no_currency(#[case] sent: Value) {
    for trip in [trip(), trip_2_0()] {
        let found = accepted(&with(trip.clone(), "currency", sent.clone()));
        let mut without = accepted(&with(trip, "currency", Value::Null));
        assert_eq!((&without.currency, without.flags), (&None, Flags::NONE));
        without.currency = Some("XXX".to_owned());
        without.flags.insert(Flag::UnusableField);
        assert_eq!(found, without);
    }
}

/// The trip of a feed in major units.
fn priced(sent: &Value) -> Trip {
    let rules = Rules {
        feed: Feed {
            cost_unit: CostUnit::Major,
            ..Feed::default()
        },
        ..rules()
    };
    check(&rules, sent).unwrap()
}

#[rstest]
#[case(json!("USD"), 200)]
#[case(json!("KWD"), 2000)]
#[case(json!("JPY"), 2)]
#[case(json!("jpy"), 2)]
#[case(json!(" JPY"), 2)]
#[case(json!(""), 200)]
#[case(Value::Null, 200)]
fn costs_in_major_units_are_converted(#[case] currency: Value, #[case] expected: i64) {
    let sent = with(trip(), "actual_cost", json!(2));
    let found = priced(&with(sent, "currency", currency));
    assert_eq!(found.actual_cost, Some(expected));
    assert_eq!(found.flags, Flags::NONE);
}

#[rstest]
#[case(json!("\u{a5}"))]
#[case(json!("YEN!"))]
#[case(json!("YEN "))]
#[case(json!(392))]
#[case(json!(["JPY"]))]
fn costs_in_an_unreadable_currency_are_not_taken_for_dollars(#[case] currency: Value) {
    let sent = with(trip(), "standard_cost", json!(300));
    let sent = with(with(sent, "actual_cost", json!(2.5)), "currency", currency);
    let found = priced(&sent);
    assert_eq!((found.standard_cost, found.actual_cost), (None, None));
    assert_eq!(found.currency.as_deref(), Some("XXX"));
    assert_eq!(found.flags.names(), ["unusable_field"]);

    // The minor unit needs no conversion.
    let minor = accepted(&with(sent, "actual_cost", json!(250)));
    assert_eq!(minor.standard_cost, Some(300));
    assert_eq!(minor.actual_cost, Some(250));
}

#[test]
fn a_2_0_trip_with_a_route_uses_its_locations() {
    let sent = with(trip_2_0(), "route", routed(json!([]))["route"].clone());
    assert_eq!((accepted(&sent).start, accepted(&sent).end), (START, END));
}

#[rstest]
#[case(trip())]
#[case(trip_2_0())]
fn swapped_coordinates_are_corrected_if_the_feed_is_configured_so(#[case] sent: Value) {
    let swapping = Rules {
        feed: Feed {
            swap_coordinates: true,
            ..Feed::default()
        },
        area: None,
        ..rules()
    };
    let mut swapped = sent.clone();
    if swapped.get("route").is_some() {
        swapped["route"]["features"] =
            json!([feature(30.26, -97.74, 1), feature(30.27, -97.75, 2)]);
    } else {
        swapped["start_location"] = json!({"lat": -97.74, "lng": 30.26});
        swapped["end_location"] = json!({"lat": -97.75, "lng": 30.27});
    }
    let trip = check(&swapping, &swapped).unwrap();
    assert_eq!((trip.start, trip.end), (START, END));
}

proptest! {
    /// Seconds and milliseconds, as numbers and as strings, mean the same instant.
    #[test]
    fn the_unit_of_a_timestamp_does_not_matter(millis in 1_262_304_000_000_i64..1_591_014_600_000) {
        let expected = DateTime::from_timestamp_millis(millis).unwrap();
        let seconds = format!("{}.{:03}", millis / 1000, millis % 1000);
        let sent = [
            json!(millis),
            json!(millis.to_string()),
            json!(seconds.parse::<f64>().unwrap()),
            json!(seconds),
        ];
        for value in sent {
            let trip = accepted(&with(trip(), "start_time", value));
            prop_assert_eq!(trip.start_time, expected);
        }
    }

    /// Degrees are not off by a bit, also in a build in which the parser's own may be.
    #[test]
    fn degrees_are_the_nearest_to_the_digits(lat in 30.0..31.0_f64, lng in -98.0..-97.0_f64) {
        let place = json!({"lat": lat, "lng": lng});
        let locations = with(with(trip_2_0(), "start_location", place.clone()), "end_location", place);
        for sent in [routed(json!([feature(lng, lat, 1), feature(lng, lat, 2)])), locations] {
            let trip = accepted(&sent);
            prop_assert_eq!((trip.start, trip.end), (Point { lat, lng }, Point { lat, lng }));
        }
    }

    /// Finding the ends in one pass has the same result as a stable sort.
    #[test]
    fn ends_agree_with_a_stable_sort(times in prop::collection::vec(0_i64..5, 2..12)) {
        #[allow(clippy::cast_precision_loss)]
        let points: Vec<_> = (0..times.len()).map(|n| (-97.0 - n as f64 / 100.0, 30.5)).collect();
        let features: Vec<_> = points.iter().zip(&times).map(|(p, t)| feature(p.0, p.1, *t)).collect();
        let mut sorted: Vec<_> = points.iter().zip(&times).collect();
        sorted.sort_by_key(|(_, time)| **time);
        let trip = accepted(&routed(json!(features)));
        prop_assert_eq!(trip.start.lng, sorted.first().unwrap().0.0);
        prop_assert_eq!(trip.end.lng, sorted.last().unwrap().0.0);
    }

    #[test]
    fn a_trip_ends_in_its_hour_or_is_flagged(minutes in -120_i64..120) {
        let trip = accepted(&ending(TimeDelta::minutes(minutes)));
        prop_assert_eq!(trip.flags.is_empty(), (0..60).contains(&minutes));
    }
}
