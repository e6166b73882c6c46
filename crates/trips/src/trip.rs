//! One trip: what is read of it, what refuses it, what is odd about it.
//!
//! [`Rules::check`] turns the JSON text of a trip, as the provider sent it, into a [`Trip`] with
//! its [`Flags`], or into a [`Reject`] with every reason. The rules are those of docs/CONTRACT.md,
//! Postgres ("reject" and "flag") and Details.

mod fields;
mod flagging;
mod flags;
mod lenient;
mod parse;
mod reject;
mod route;
mod rules;
mod scalar;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use flags::{Flag, Flags, UnknownFlag};
pub use reject::{Reject, RejectReason, TripEnd};
pub use rules::Rules;

/// A place on the globe, in WGS84 degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Latitude, -90 to 90.
    pub lat: f64,
    /// Longitude, -180 to 180.
    pub lng: f64,
}

impl Point {
    /// The same two numbers, taken the other way round.
    pub fn swapped(self) -> Self {
        Self {
            lat: self.lng,
            lng: self.lat,
        }
    }

    /// Whether both numbers are degrees that exist.
    pub fn is_on_globe(self) -> bool {
        self.lat.abs() <= 90.0 && self.lng.abs() <= 180.0
    }
}

/// The area that trips are expected in.
///
/// Implemented by the boundaries; a trait so that the rules stay free of geometry.
pub trait ServiceArea: Send + Sync {
    /// Whether the point lies in the area or on its edge.
    fn covers(&self, point: Point) -> bool;
}

/// Reads a timestamp as trips and telemetry carry them: seconds or milliseconds since 1970, by
/// their magnitude, as a number or a text that holds one. `None` for anything else.
#[must_use]
pub fn instant(raw: &serde_json::value::RawValue) -> Option<DateTime<Utc>> {
    let stamp = scalar::Stamp::of(&scalar::Scalar::of(raw)).ok()?;
    Some(stamp.time)
}

/// A trip that can be loaded, in the columns of `api.trips` (docs/CONTRACT.md, Postgres).
///
/// A field that the provider left out or sent as `null` is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Trip {
    /// The provider's id as the trip carries it; an aggregator's trips may carry another than the
    /// one the feed is configured with.
    pub provider_id: Uuid,
    /// The provider's public name.
    pub provider_name: Option<String>,
    /// The device, constant for its life.
    pub device_id: Uuid,
    /// The number seen on the vehicle.
    pub vehicle_id: Option<String>,
    /// MDS vehicle type, as sent; 2.0 keeps it with the vehicles.
    pub vehicle_type: Option<String>,
    /// MDS propulsion types, joined with `,`.
    pub propulsion_type: Option<String>,
    /// The trip, unique within its provider.
    pub trip_id: Uuid,
    /// Length in seconds, as the provider counts it.
    pub trip_duration: i64,
    /// Length in metres.
    pub trip_distance: i64,
    /// Accuracy of the route in metres.
    pub accuracy: Option<i64>,
    /// When the trip began.
    pub start_time: DateTime<Utc>,
    /// When the trip ended.
    pub end_time: DateTime<Utc>,
    /// When the provider made the trip available.
    pub publication_time: Option<DateTime<Utc>>,
    /// A picture of the parked vehicle.
    pub parking_verification_url: Option<String>,
    /// Undiscounted price in the currency's minor unit.
    pub standard_cost: Option<i64>,
    /// Price paid in the currency's minor unit.
    pub actual_cost: Option<i64>,
    /// ISO 4217 code; none means US dollars.
    pub currency: Option<String>,
    /// Where the trip began.
    pub start: Point,
    /// Where the trip ended.
    pub end: Point,
    /// 2.0: the vendor of the data, if another than the provider.
    pub data_provider_id: Option<Uuid>,
    /// 2.0: the journey that the trip is a leg of.
    pub journey_id: Option<Uuid>,
    /// 2.0: trip types, joined with `,`.
    pub trip_type: Option<String>,
    /// 2.0: where the vehicle was parked.
    pub parking_category: Option<String>,
    /// What is odd about the trip.
    pub flags: Flags,
}

#[cfg(test)]
mod tests;
