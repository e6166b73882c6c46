//! One trip: its fields, the reasons to reject it, and its flags.
//!
//! [`Rules::check`] turns the JSON text of a trip, as the provider sent it, into a [`Trip`] with
//! its [`Flags`], or into a [`Reject`] with every reason. The rules are those of docs/CONTRACT.md,
//! "Reject reasons", "Flags" and "Details that existing data depends on".

mod cost;
mod currency;
mod decimal;
mod fields;
mod flagging;
mod flags;
mod glance;
mod lenient;
mod parse;
mod reject;
mod route;
mod rules;
mod scalar;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use flags::{Flag, Flags, UnknownFlag};
pub use glance::TripGlance;
pub use reject::{Reject, RejectReason, TripEnd};
pub use rules::Rules;
pub use scalar::FIRST_MILLISECONDS;

use crate::ids::integer_id_to_uuid;

/// A place on the globe, in WGS84 degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Latitude, -90 to 90.
    pub lat: f64,
    /// Longitude, -180 to 180.
    pub lng: f64,
}

impl Point {
    /// The point with latitude and longitude exchanged.
    pub fn swapped(self) -> Self {
        Self {
            lat: self.lng,
            lng: self.lat,
        }
    }

    /// Whether latitude and longitude are within their ranges.
    pub fn is_on_globe(self) -> bool {
        self.lat.abs() <= 90.0 && self.lng.abs() <= 180.0
    }
}

/// The area in which trips are expected.
///
/// The crate `boundaries` implements it. It is a trait to keep geometry out of the rules.
pub trait ServiceArea: Send + Sync {
    /// Whether the point lies in the area or on its edge.
    fn covers(&self, point: Point) -> bool;
}

/// Reads a timestamp of a trip or of telemetry: seconds or milliseconds since 1970, distinguished
/// by magnitude, as a number or as a string that holds one. `None` for anything else.
#[must_use]
pub fn instant(raw: &serde_json::value::RawValue) -> Option<DateTime<Utc>> {
    let stamp = scalar::Stamp::of(&scalar::Scalar::of(raw)).ok()?;
    Some(stamp.time)
}

/// An id of a trip or device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentId {
    /// The id.
    pub uuid: Uuid,
    /// The whole number that the provider sent in place of a UUID.
    pub integer: Option<u128>,
}

/// Reads an id as a load does: a UUID, or a whole number (as a number or as a string of digits),
/// which stands for a UUID of this provider. `None` for anything else.
#[must_use]
pub fn id(raw: &serde_json::value::RawValue, provider_id: Uuid) -> Option<SentId> {
    let (uuid, integer) = match scalar::Id::of(&scalar::Scalar::of(raw))? {
        scalar::Id::Uuid(uuid) => (uuid, None),
        scalar::Id::Integer(id) => (integer_id_to_uuid(provider_id, id), Some(id)),
    };
    Some(SentId { uuid, integer })
}

/// The provider whose whole numbers a record holds: the one that it names by a UUID, or else
/// `configured`.
#[must_use]
pub fn provider_of(named: Option<&serde_json::value::RawValue>, configured: Uuid) -> Uuid {
    let named = named.and_then(|raw| id(raw, configured));
    named
        .filter(|id| id.integer.is_none())
        .map_or(configured, |id| id.uuid)
}

/// A trip that can be loaded, in the columns of `api.trips` (docs/CONTRACT.md, "api.trips").
///
/// A field that the provider left out or sent as `null` is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Trip {
    /// The provider's id in the trip: one of those that its entry names.
    pub provider_id: Uuid,
    /// The provider's public name.
    pub provider_name: Option<String>,
    /// The device's id, constant for its life.
    pub device_id: Uuid,
    /// The number printed on the vehicle.
    pub vehicle_id: Option<String>,
    /// MDS vehicle type, as it was sent; 2.0 has it in the list of vehicles.
    pub vehicle_type: Option<String>,
    /// MDS propulsion types, joined with `,`.
    pub propulsion_type: Option<String>,
    /// The trip's id, unique within its provider.
    pub trip_id: Uuid,
    /// Duration in seconds, as the provider measured it.
    pub trip_duration: i64,
    /// Distance in metres.
    pub trip_distance: i64,
    /// Accuracy of the route in metres.
    pub accuracy: Option<i64>,
    /// When the trip began.
    pub start_time: DateTime<Utc>,
    /// When the trip ended.
    pub end_time: DateTime<Utc>,
    /// When the provider made the trip available.
    pub publication_time: Option<DateTime<Utc>>,
    /// The URL of a picture of the parked vehicle.
    pub parking_verification_url: Option<String>,
    /// Price without discounts, in the currency's minor unit.
    pub standard_cost: Option<i64>,
    /// Price paid, in the currency's minor unit.
    pub actual_cost: Option<i64>,
    /// ISO 4217 code; `None` means US dollars.
    pub currency: Option<String>,
    /// Where the trip began.
    pub start: Point,
    /// Where the trip ended.
    pub end: Point,
    /// 2.0: the company that supplies the data, if it is not the provider.
    pub data_provider_id: Option<Uuid>,
    /// 2.0: the journey that the trip is part of.
    pub journey_id: Option<Uuid>,
    /// 2.0: trip types, joined with `,`.
    pub trip_type: Option<String>,
    /// 2.0: where the vehicle was parked.
    pub parking_category: Option<String>,
    /// The trip's flags.
    pub flags: Flags,
}

#[cfg(test)]
mod tests;
