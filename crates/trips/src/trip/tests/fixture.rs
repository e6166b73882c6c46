//! Trips that nothing is wrong with, and the means to spoil them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::block::Hour;
use crate::trip::{Flag, Point, Reject, RejectReason, Rules, ServiceArea, Trip};

pub(super) const PROVIDER: &str = "0309585e-599f-4e57-ac85-ffffffffffff";

/// Everything between 30 and 31 degrees north, 97 and 98 degrees west.
pub(super) struct Square;

impl ServiceArea for Square {
    fn covers(&self, point: Point) -> bool {
        (30.0..=31.0).contains(&point.lat) && (-98.0..=-97.0).contains(&point.lng)
    }
}

/// The same area for a city where both numbers are possible latitudes.
pub(super) struct Louisville;

impl ServiceArea for Louisville {
    fn covers(&self, point: Point) -> bool {
        (38.0..=38.5).contains(&point.lat) && (-86.0..=-85.5).contains(&point.lng)
    }
}

pub(super) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The block 2020-06-01 from 12 to 13 o'clock UTC, looked at a day later.
pub(super) fn rules() -> Rules<'static> {
    Rules {
        hour: Hour::starting_at(instant("2020-06-01T12:00:00Z")).unwrap(),
        now: instant("2020-06-02T12:00:00Z"),
        swap_coordinates: false,
        seconds_expected: false,
        area: Some(&Square),
    }
}

pub(super) fn milliseconds(text: &str) -> i64 {
    instant(text).timestamp_millis()
}

pub(super) fn feature(lng: f64, lat: f64, timestamp: i64) -> Value {
    json!({
        "type": "Feature",
        "properties": {"timestamp": timestamp},
        "geometry": {"type": "Point", "coordinates": [lng, lat]},
    })
}

/// A trip of MDS 1.2 that ended at 12:30 after ten minutes.
pub(super) fn trip() -> Value {
    let (start, end) = (
        milliseconds("2020-06-01T12:20:00Z"),
        milliseconds("2020-06-01T12:30:00Z"),
    );
    json!({
        "provider_id": PROVIDER,
        "provider_name": "Wheels of the Fixture",
        "device_id": "aa5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d",
        "vehicle_id": "A-1",
        "vehicle_type": "scooter",
        "propulsion_types": ["electric"],
        "trip_id": "bb5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d",
        "trip_duration": 600,
        "trip_distance": 1200,
        "accuracy": 5,
        "start_time": start,
        "end_time": end,
        "route": {
            "type": "FeatureCollection",
            "features": [feature(-97.74, 30.26, start), feature(-97.75, 30.27, end)],
        },
    })
}

/// A trip of MDS 2.0, the same ride.
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

/// The trip with its route made of these features.
pub(super) fn routed(features: Value) -> Value {
    let mut trip = trip();
    trip["route"]["features"] = features;
    trip
}

/// A trip that ends so long after the hour begins.
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
