//! The JSON objects of trips, as types.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::options::ProviderOptions;
use crate::quirk::Quirk;

/// A trip of 0.2 to 1.2.
#[derive(Serialize)]
pub(super) struct Trip<'a> {
    pub(super) provider_id: Uuid,
    pub(super) provider_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device_id: Option<Id>,
    pub(super) vehicle_id: String,
    pub(super) vehicle_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) propulsion_type: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) propulsion_types: Option<[&'static str; 1]>,
    pub(super) trip_id: Id,
    pub(super) trip_duration: i64,
    pub(super) trip_distance: i64,
    pub(super) route: FeatureCollection,
    pub(super) accuracy: u32,
    pub(super) start_time: Time,
    pub(super) end_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) publication_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parking_verification_url: Option<String>,
    pub(super) standard_cost: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actual_cost: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<&'static str>,
}

/// A trip of 2.0.
#[derive(Serialize)]
pub(super) struct FlatTrip {
    pub(super) provider_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device_id: Option<Id>,
    pub(super) trip_id: Id,
    pub(super) trip_type: TripType,
    pub(super) start_time: Time,
    pub(super) end_time: Time,
    pub(super) start_location: Gps,
    pub(super) end_location: Gps,
    pub(super) duration: i64,
    pub(super) distance: i64,
    pub(super) publication_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parking_verification_url: Option<String>,
    pub(super) parking_category: &'static str,
    pub(super) standard_cost: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actual_cost: Option<i64>,
    pub(super) currency: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum TripType {
    One(&'static str),
    List([&'static str; 1]),
}

/// A location of 2.0.
#[derive(Serialize)]
pub(crate) struct Gps {
    pub(super) lat: f64,
    pub(super) lng: f64,
}

#[derive(Serialize, PartialEq)]
#[serde(untagged)]
pub(crate) enum Id {
    Uuid(Uuid),
    Integer(u64),
}

impl Id {
    /// The id that the provider uses: the UUID, or the number if it has that quirk.
    pub(crate) fn of(options: &ProviderOptions, uuid: Uuid, number: u64) -> Self {
        if options.quirks.has(Quirk::IntegerIds) {
            Self::Integer(number + 1)
        } else {
            Self::Uuid(uuid)
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => uuid.fmt(f),
            Self::Integer(number) => number.fmt(f),
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Time {
    Seconds(f64),
    Whole(i64),
}

#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) struct FeatureCollection {
    pub(super) features: Vec<Feature>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) struct Feature {
    pub(super) properties: Properties,
    pub(super) geometry: Point,
}

#[derive(Serialize)]
pub(super) struct Properties {
    pub(super) timestamp: Time,
}

#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) struct Point {
    pub(super) coordinates: [f64; 2],
}
