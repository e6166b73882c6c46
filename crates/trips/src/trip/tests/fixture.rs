//! Valid trips, and functions that make them invalid.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::fixtures;
pub(super) use crate::fixtures::{PROVIDER, PROVIDER_ID, feature, trip};
use crate::trip::{Flag, Point, Reject, RejectReason, Rules, ServiceArea, Trip};

/// Everything between 30 and 31 degrees north, 97 and 98 degrees west.
pub(super) struct Square;

impl ServiceArea for Square {
    fn covers(&self, point: Point) -> bool {
        (30.0..=31.0).contains(&point.lat) && (-98.0..=-97.0).contains(&point.lng)
    }
}

/// The area of a city where both numbers are possible latitudes.
pub(super) struct Louisville;

impl ServiceArea for Louisville {
    fn covers(&self, point: Point) -> bool {
        (38.0..=38.5).contains(&point.lat) && (-86.0..=-85.5).contains(&point.lng)
    }
}

pub(super) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The block 2020-06-01 from 12 to 13 o'clock UTC, checked a day later.
pub(super) fn rules() -> Rules<'static> {
    Rules {
        area: Some(&Square),
        ..fixtures::rules()
    }
}

pub(super) fn milliseconds(text: &str) -> i64 {
    instant(text).timestamp_millis()
}

/// The same trip in MDS 2.0.
pub(super) fn trip_2_0() -> Value {
    let mut trip = trip();
    for (old, new) in [("trip_duration", "duration"), ("trip_distance", "distance")] {
        let value = remove(&mut trip, old);
        trip[new] = value;
    }
    for name in [
        "route",
        "provider_name",
        "vehicle_id",
        "vehicle_type",
        "propulsion_types",
        "accuracy",
    ] {
        remove(&mut trip, name);
    }
    trip["start_location"] = json!({"lat": 30.26, "lng": -97.74, "altitude": 150.1});
    trip["end_location"] = json!({"lat": 30.27, "lng": -97.75});
    trip
}

pub(super) fn remove(trip: &mut Value, name: &str) -> Value {
    trip.as_object_mut().unwrap().remove(name).unwrap()
}

/// The trip with one member replaced.
pub(super) fn with(mut trip: Value, name: &str, value: Value) -> Value {
    trip[name] = value;
    trip
}

/// The trip with these features as its route.
pub(super) fn routed(features: Value) -> Value {
    let mut trip = trip();
    trip["route"]["features"] = features;
    trip
}

/// The trip as if it had taken this long.
pub(super) fn lasting(trip: Value, seconds: i64) -> Value {
    let end = trip["end_time"].as_i64().unwrap();
    with(trip, "start_time", json!(end - seconds * 1000))
}

/// A trip that ends this long after the hour begins.
pub(super) fn ending(after: TimeDelta) -> Value {
    let end = instant("2020-06-01T12:00:00Z") + after;
    let trip = with(
        trip(),
        "start_time",
        json!((end - TimeDelta::minutes(10)).timestamp_millis()),
    );
    with(trip, "end_time", json!(end.timestamp_millis()))
}

pub(super) fn check(rules: &Rules<'_>, trip: &Value) -> Result<Trip, Reject> {
    rules.check(&trip.to_string())
}

pub(super) fn accepted(trip: &Value) -> Trip {
    check(&rules(), trip).unwrap()
}

pub(super) fn reasons(trip: &Value) -> Vec<RejectReason> {
    check(&rules(), trip).unwrap_err().reasons
}

pub(super) fn flags(rules: &Rules<'_>, trip: &Value) -> Vec<Flag> {
    check(rules, trip).unwrap().flags.iter().collect()
}
