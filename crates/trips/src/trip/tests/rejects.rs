//! Each reason to refuse a trip.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::*;
use crate::envelope::NonFiniteTrip;
use crate::trip::RejectReason::{
    EndBeforeStart, ForeignProvider, MissingField, MistypedField, NoUsablePoint, NonFiniteNumber,
    NotAUuid, NotJson, NotUtf8, OffTheGlobe, TimeOutOfRange, TooLarge, Unreadable,
};
use crate::trip::{RejectReason, Rules, TripEnd};

#[rstest]
#[case("provider_id")]
#[case("device_id")]
#[case("trip_id")]
#[case("vehicle_type")]
#[case("trip_duration")]
#[case("trip_distance")]
#[case("start_time")]
#[case("end_time")]
#[case("route")]
fn a_required_field_must_be_present(
    #[case] field: &'static str,
    #[values(true, false)] as_null: bool,
) {
    let mut sent = trip();
    remove(&mut sent, field);
    if as_null {
        sent[field] = Value::Null;
    }
    assert_eq!(reasons(&sent), [MissingField { field }]);
}

#[rstest]
#[case("duration")]
#[case("distance")]
#[case("start_location")]
#[case("end_location")]
#[case("device_id")]
#[case("end_time")]
fn a_field_that_2_0_requires_must_be_present(#[case] field: &'static str) {
    let mut sent = trip_2_0();
    remove(&mut sent, field);
    assert_eq!(reasons(&sent), [MissingField { field }]);
}

#[rstest]
#[case("provider_id")]
#[case("trip_id")]
#[case("vehicle_type")]
#[case("end_time")]
fn an_empty_string_counts_as_absent(#[case] field: &'static str) {
    let sent = with(trip(), field, json!(""));
    assert_eq!(reasons(&sent), [MissingField { field }]);
}

#[rstest]
#[case("vehicle_type", json!(7), "a text")]
#[case("vehicle_type", json!(["scooter"]), "a text")]
#[case("trip_duration", json!("600"), "a whole number")]
#[case("trip_duration", json!(true), "a whole number")]
#[case("trip_duration", json!(1e300), "a whole number")]
#[case("trip_distance", json!([1]), "a whole number")]
#[case("start_time", json!("noon"), "a timestamp")]
#[case("start_time", json!("2020-06-01T12:20:00Z"), "a timestamp")]
#[case("start_time", json!("inf"), "a timestamp")]
#[case("end_time", json!({}), "a timestamp")]
#[case("route", json!("here to there"), "a GeoJSON FeatureCollection")]
#[case("route", json!([]), "a GeoJSON FeatureCollection")]
#[case("route", json!({}), "a GeoJSON FeatureCollection")]
#[case("route", json!({"features": null}), "a GeoJSON FeatureCollection")]
#[case("route", json!({"features": {}}), "a GeoJSON FeatureCollection")]
#[case("route", json!({"features": 3}), "a GeoJSON FeatureCollection")]
fn a_required_field_must_have_its_type(
    #[case] field: &'static str,
    #[case] value: Value,
    #[case] expected: &'static str,
) {
    let sent = with(trip(), field, value);
    assert_eq!(reasons(&sent), [MistypedField { field, expected }]);
}

#[rstest]
#[case("provider_id", json!("BIRD"))]
#[case("provider_id", json!(104_865))]
#[case("device_id", json!("0309585e-599f-4e57-ac85-ffffffffffff0"))]
#[case("trip_id", json!("0309585-599f-4e57-ac85-ffffffffffff"))]
#[case("trip_id", json!(1.5))]
#[case("trip_id", json!(-1.0))]
#[case("trip_id", json!(-0.0))]
#[case("trip_id", json!(9_007_199_254_740_994.0))]
#[case("trip_id", json!("104865.0"))]
#[case("trip_id", json!(-1))]
#[case("trip_id", json!("-1"))]
#[case("trip_id", json!("+1"))]
#[case("trip_id", json!([1]))]
#[case("trip_id", json!("340282366920938463463374607431768211456"))]
fn an_id_must_be_a_uuid_or_an_integer(#[case] field: &'static str, #[case] value: Value) {
    let sent = with(trip(), field, value);
    assert_eq!(reasons(&sent), [NotAUuid { field }]);
}

const NO_START: RejectReason = NoUsablePoint {
    end: TripEnd::Start,
};
const NO_END: RejectReason = NoUsablePoint { end: TripEnd::End };

#[rstest]
#[case::no_feature(json!([]))]
#[case::features_without_geometry(json!([{"geometry": null}, {}, null, 1, [], "x"]))]
#[case::texts_for_numbers(json!([{"geometry": {"coordinates": ["-97.7", "30.2"]}}]))]
#[case::one_number(json!([{"geometry": {"coordinates": [-97.7]}}]))]
#[case::null_for_a_number(json!([{"geometry": {"coordinates": [null, 30.2]}}]))]
#[case::a_line(json!([{"geometry": {"coordinates": [[-97.7, 30.2], [-97.7, 30.3]]}}]))]
#[case::no_coordinates(json!([{"geometry": {"coordinates": null}}, {"geometry": {"coordinates": {"x": 1}}}]))]
fn a_route_without_a_usable_point_has_no_ends(#[case] features: Value) {
    assert_eq!(reasons(&routed(features)), [NO_START, NO_END]);
}

#[rstest]
#[case(json!({}))]
#[case(json!({"lat": 30.2}))]
#[case(json!({"lat": "30.2", "lng": "-97.7"}))]
#[case(json!({"lat": null, "lng": -97.7}))]
#[case(json!({"type": "Feature", "geometry": null}))]
#[case(json!({"type": "Feature", "geometry": {"coordinates": ["-97.7", "30.2"]}}))]
#[case(json!([30.2, -97.7]))]
#[case(json!("here"))]
#[case(json!({"type": "Feature", "properties": {}, "geometry": null}))]
#[case(json!({"type": "Point", "coordinates": ["-97.7", "30.2"]}))]
#[case(json!({"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[-97.7, 30.2]]}}))]
fn a_location_must_hold_two_numbers(#[case] location: Value) {
    let sent = with(trip_2_0(), "start_location", location.clone());
    assert_eq!(reasons(&sent), [NO_START]);
    let sent = with(trip_2_0(), "end_location", location);
    assert_eq!(reasons(&sent), [NO_END]);
}

#[rstest]
#[case(90.1, -97.7)]
#[case(-90.1, -97.7)]
#[case(30.2, 180.1)]
#[case(30.2, -180.1)]
fn coordinates_must_be_on_the_globe(#[case] lat: f64, #[case] lng: f64) {
    let off = |end| OffTheGlobe {
        end,
        swapped_fits: false,
    };
    let sent = with(
        trip_2_0(),
        "start_location",
        json!({"lat": lat, "lng": lng}),
    );
    assert_eq!(reasons(&sent), [off(TripEnd::Start)]);
    let sent = routed(json!([feature(-97.74, 30.26, 1), feature(lng, lat, 2)]));
    assert_eq!(reasons(&sent), [off(TripEnd::End)]);
}

#[test]
fn points_between_the_ends_are_not_checked() {
    let sent = routed(json!([
        feature(-97.74, 30.26, 1),
        feature(999.0, 999.0, 2),
        feature(-97.75, 30.27, 3)
    ]));
    assert!(check(&rules(), &sent).is_ok());
}

#[test]
fn a_point_off_the_globe_that_fits_when_swapped_is_marked() {
    let sent = with(
        trip_2_0(),
        "start_location",
        json!({"lat": -97.74, "lng": 30.26}),
    );
    let expected = OffTheGlobe {
        end: TripEnd::Start,
        swapped_fits: true,
    };
    assert_eq!(reasons(&sent), [expected]);
}

#[rstest]
#[case("2009-12-31T23:59:59.999Z", false)]
#[case("2010-01-01T00:00:00Z", true)]
#[case("2020-06-03T12:00:00Z", true)]
#[case("2020-06-03T12:00:00.001Z", false)]
fn times_run_from_2010_to_tomorrow(
    #[case] time: &str,
    #[case] is_accepted: bool,
    #[values(1, 1000)] per_unit: i64,
) {
    let time = milliseconds(time);
    #[allow(clippy::cast_precision_loss)]
    let value = if per_unit == 1 {
        json!(time)
    } else {
        json!(time as f64 / 1000.0)
    };
    for field in ["start_time", "end_time"] {
        let found = check(&rules(), &with(trip(), field, value.clone()));
        let out_of_range = found.is_err_and(|r| r.reasons.contains(&TimeOutOfRange { field }));
        assert_eq!(out_of_range, !is_accepted, "{field}");
    }
}

#[rstest]
#[case(json!(0))]
#[case(json!(-1))]
#[case(json!(1e300))]
#[case(json!(-1e300))]
#[case(json!(u64::MAX))]
#[case(json!(milliseconds("2020-06-01T12:20:00Z") * 1000))]
fn a_number_outside_the_calendar_is_out_of_range(#[case] value: Value) {
    let field = "start_time";
    assert_eq!(
        reasons(&with(trip(), field, value)),
        [TimeOutOfRange { field }]
    );
}

#[test]
fn a_trip_may_not_end_before_it_starts() {
    let start = milliseconds("2020-06-01T12:30:00.001Z");
    assert_eq!(
        reasons(&with(trip(), "start_time", json!(start))),
        [EndBeforeStart]
    );
    let start = milliseconds("2020-06-01T12:30:00Z");
    assert!(check(&rules(), &with(trip(), "start_time", json!(start))).is_ok());
}

#[test]
fn times_in_different_units_are_compared_after_repair() {
    let start = milliseconds("2020-06-01T12:20:00Z") / 1000;
    assert!(check(&rules(), &with(trip(), "start_time", json!(start))).is_ok());
}

#[test]
fn all_reasons_are_reported_together() {
    let mut sent = trip();
    for field in ["provider_id", "vehicle_type", "route"] {
        remove(&mut sent, field);
    }
    sent["device_id"] = json!("x");
    sent["trip_id"] = json!(7);
    sent["trip_duration"] = json!("long");
    sent["end_time"] = json!(0);
    sent["currency"] = json!(5);
    let reject = check(&rules(), &sent).unwrap_err();
    let codes: Vec<_> = reject.reasons.iter().map(ToString::to_string).collect();
    assert_eq!(
        codes,
        [
            "missing_field:provider_id",
            "not_a_uuid:device_id",
            "missing_field:vehicle_type",
            "mistyped_field:trip_duration",
            "time_out_of_range:end_time",
            "missing_field:route",
        ]
    );
    assert_eq!(reject.trip_id.as_deref(), Some("7"));
}

#[rstest]
#[case::both_null(json!({"start_location": null, "end_location": null}), &["start_location", "end_location"])]
#[case::one_null(json!({"end_location": null}), &["end_location"])]
#[case::no_amounts(
    json!({"start_location": null, "end_location": null, "duration": null, "distance": null}),
    &["duration", "distance", "start_location", "end_location"]
)]
fn a_trip_of_2_0_lacks_what_2_0_names(#[case] change: Value, #[case] missing: &[&'static str]) {
    let mut sent = with(trip_2_0(), "trip_type", json!(["rider"]));
    for (name, value) in change.as_object().unwrap() {
        sent[name] = value.clone();
    }
    let expected: Vec<_> = missing.iter().map(|field| MissingField { field }).collect();
    assert_eq!(reasons(&sent), expected);
    // Left out is the same as null.
    for name in missing {
        remove(&mut sent, name);
    }
    assert_eq!(reasons(&sent), expected);
}

#[rstest]
#[case(trip())]
#[case(trip_2_0())]
fn a_trip_of_another_provider_is_rejected(#[case] sent: Value) {
    let other = "11111111-2222-4333-8444-555555555555";
    let sent = with(sent, "provider_id", json!(other));
    assert_eq!(reasons(&sent), [ForeignProvider]);
    let aggregated = Rules {
        provider_ids: &[PROVIDER_ID, other.parse().unwrap()],
        ..rules()
    };
    assert!(check(&aggregated, &sent).is_ok());
}

#[rstest]
#[case::uuid(
    json!("BB5BC82B-8E2B-4A0E-8F5B-3C9D2A3B4C5D"),
    &["bb5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d"]
)]
#[case::number(json!(1), &["0309585e-599f-4e57-ac85-fffffffffff1"])]
#[case::word(json!("first"), &[])]
#[case::absent(Value::Null, &[])]
fn a_reject_names_the_ids_that_its_row_can_have(#[case] id: Value, #[case] expected: &[&str]) {
    let mut sent = with(with(trip(), "trip_id", id), "device_id", Value::Null);
    let ids = |sent: &Value| {
        let reject = check(&rules(), sent).unwrap_err();
        reject
            .row_ids
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&sent), expected);
    remove(&mut sent, "provider_id");
    assert_eq!(ids(&sent), expected);
}

#[rstest]
#[case::null("null", "not_an_object", None)]
#[case::list("[]", "not_an_object", None)]
#[case::number_beyond_range(
    r#"{"trip_id":"t","route":{"features":[{"geometry":{"coordinates":[1e999,1]}}]}}"#,
    "number_out_of_range",
    Some("t")
)]
#[case::key_twice(
    r#"{"trip_id":"t","start_time":1,"start_time":2}"#,
    "member_twice",
    Some("t")
)]
#[case::key_of_a_feature_twice(
    r#"{"trip_id":"t","route":{"features":[{"geometry":null,"geometry":null}]}}"#,
    "member_twice",
    Some("t")
)]
#[case::id_twice(r#"{"trip_id":"t","trip_id":"u"}"#, "member_twice", None)]
#[case::half_a_character(r#"{"trip_id":"t","\ud800":1}"#, "broken_text", None)]
fn an_unreadable_trip_is_rejected_with_the_cause(
    #[case] json: &str,
    #[case] why: &'static str,
    #[case] trip_id: Option<&str>,
) {
    let reject = rules().check(json).unwrap_err();
    assert_eq!(reject.reasons, [Unreadable { why }]);
    assert_eq!(reject.reasons[0].to_string(), format!("unreadable:{why}"));
    assert_eq!(reject.trip_id.as_deref(), trip_id);
}

#[test]
fn a_trip_that_was_too_large_to_keep_is_rejected_as_that() {
    let marker = r#"{"mds_etl_too_large":{"bytes":70000000,"sha256":"00"},"trip_id":"t"}"#;
    let reject = rules().check(marker).unwrap_err();
    assert_eq!(reject.reasons, [TooLarge]);
    assert_eq!(reject.trip_id.as_deref(), Some("t"));
    assert!(rules().check_ahead(marker.as_bytes()).is_none());
}

/// Whatever else is wrong with what is readable of it, and wherever the member stands.
#[rstest]
#[case::as_it_is_written(r#"{"mds_etl_not_utf8":{"bytes":3},"trip_id":"t"}"#)]
#[case::later(r#"{ "trip_id":"t", "mds_etl_not_utf8":{"bytes":3}}"#)]
fn a_trip_that_was_not_utf_8_is_rejected_as_that(#[case] json: &str) {
    let reject = rules().check(json).unwrap_err();
    assert_eq!(reject.reasons, [NotUtf8]);
    assert_eq!(reject.trip_id.as_deref(), Some("t"));
}

/// Also if what is readable would do for a trip.
#[rstest]
#[case("mds_etl_not_utf8", NotUtf8)]
#[case("mds_etl_not_json", NotJson)]
fn a_trip_that_was_replaced_is_never_loaded(#[case] member: &str, #[case] reason: RejectReason) {
    let sent = with(trip(), member, json!({"bytes": 3})).to_string();
    let reject = rules().check(&sent).unwrap_err();
    assert_eq!(reject.reasons, [reason]);
    assert_eq!(reject.row_ids.len(), 1);
    assert!(rules().check_ahead(sent.as_bytes()).is_none());
}

#[test]
fn a_trip_with_a_number_that_is_not_finite_is_rejected_as_that() {
    let with_nulls = serde_json::value::to_raw_value(&json!({"trip_id": "t", "accuracy": null}));
    let reject = rules().reject_non_finite(&NonFiniteTrip {
        text: r#"{"trip_id":"t","accuracy":NaN}"#,
        with_nulls: &with_nulls.unwrap(),
    });
    assert_eq!(reject.reasons, [NonFiniteNumber]);
    assert_eq!(reject.trip_id.as_deref(), Some("t"));
}

#[test]
fn a_long_id_is_shortened() {
    let sent = with(trip(), "trip_id", json!("ü".repeat(1000)));
    let reject = check(&rules(), &sent).unwrap_err();
    assert_eq!(reject.trip_id.unwrap().chars().count(), 64);
}

/// Any JSON, up to a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                prop_oneof![
                    Just("features".to_owned()),
                    Just("geometry".to_owned()),
                    Just("coordinates".to_owned()),
                    Just("properties".to_owned()),
                    Just("timestamp".to_owned()),
                    Just("lat".to_owned()),
                    ".{0,4}",
                ],
                inner,
                0..4
            )
            .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Any value in any field results in a trip or in a reject with reasons.
    #[test]
    fn every_value_of_a_field_is_accepted_or_rejected(
        value in any_json(),
        field in prop::sample::select(vec![
            "provider_id", "provider_name", "data_provider_id", "device_id", "vehicle_id",
            "vehicle_type", "propulsion_type", "propulsion_types", "trip_id", "trip_duration",
            "trip_distance", "accuracy", "start_time", "end_time", "publication_time",
            "parking_verification_url", "standard_cost", "actual_cost", "currency", "journey_id",
            "trip_type", "parking_category", "route", "start_location", "end_location", "other",
        ]),
    ) {
        if let Err(reject) = check(&rules(), &with(trip(), field, value)) {
            prop_assert!(!reject.reasons.is_empty());
        }
    }

    #[test]
    fn no_text_makes_it_panic(json in ".{0,200}") {
        let rules: Rules<'_> = rules();
        prop_assert!(rules.check(&json).is_err());
    }
}
