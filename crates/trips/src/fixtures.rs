//! One sample trip and the rules that accept it, for the tests and benchmarks of this and other
//! crates.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Feed;
use crate::block::Hour;
use crate::trip::Rules;

/// The id of the sample trip's provider.
pub const PROVIDER: &str = "0309585e-599f-4e57-ac85-ffffffffffff";

/// [`PROVIDER`] as an id.
pub const PROVIDER_ID: Uuid = Uuid::from_u128(0x0309_585e_599f_4e57_ac85_ffff_ffff_ffff);

/// 1 June 2020, 12:20 UTC, in milliseconds.
pub const START_MILLISECONDS: i64 = 1_591_014_000_000;

/// The start and the end of the sample trip, which takes ten minutes.
#[must_use]
pub fn times() -> (DateTime<Utc>, DateTime<Utc>) {
    let start = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(START_MILLISECONDS);
    (start, start + TimeDelta::minutes(10))
}

/// The rules for the hour of the sample trip, one day after its start, without a service area.
#[must_use]
pub fn rules() -> Rules<'static> {
    let (_, end) = times();
    let hour = Hour::containing(end);
    Rules {
        hour,
        now: hour.start() + TimeDelta::days(1),
        provider_ids: &[PROVIDER_ID],
        feed: Feed::default(),
        area: None,
    }
}

/// A trip of MDS 1.2.
#[must_use]
pub fn trip() -> Value {
    let (start, end) = times();
    let (start, end) = (start.timestamp_millis(), end.timestamp_millis());
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

/// A point of a route.
#[must_use]
pub fn feature(lng: f64, lat: f64, timestamp: i64) -> Value {
    json!({
        "type": "Feature",
        "properties": {"timestamp": timestamp},
        "geometry": {"type": "Point", "coordinates": [lng, lat]},
    })
}
