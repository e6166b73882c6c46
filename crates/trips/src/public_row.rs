//! The row that the open data portal has for a trip.

mod clock;
mod device_ids;
mod label;
mod member;
mod published;
mod rounding;

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::VehicleType;
use crate::time::CivilZone;

use clock::Clock;
use label::Label;

pub use device_ids::{DeviceIdPeriod, DeviceIds};
pub use label::{MAX_LABEL_BYTES, is_point};
pub use member::Member;
pub use published::{PublishedRow, PublishedRowError};
pub use rounding::{TimeRounding, TimeRoundingError};

/// The part of a trip in the database that may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicTrip {
    /// The trip's public id.
    pub trip_id: Uuid,
    /// The device's public id in `api.devices`, which it keeps for ever.
    pub device_id: Uuid,
    /// Whether one of the two is an id of the provider, that of the trip or of the device. Only a
    /// table that another program has written has such rows, and they are never published.
    pub has_provider_id: bool,
    /// The vehicle type, as it was sent.
    pub vehicle_type: Option<String>,
    /// Seconds.
    pub trip_duration: i64,
    /// Metres.
    pub trip_distance: i64,
    /// When the trip began.
    pub start_time: DateTime<Utc>,
    /// When the trip ended.
    pub end_time: DateTime<Utc>,
    /// When the trip's row in the database last changed.
    pub modified_date: DateTime<Utc>,
    /// Council district of the start.
    pub council_district_start: Option<String>,
    /// Council district of the end.
    pub council_district_end: Option<String>,
    /// Census tract of the start.
    pub census_geoid_start: Option<String>,
    /// Census tract of the end.
    pub census_geoid_end: Option<String>,
}

/// A row of the portal's dataset: exactly these members, in this order (docs/CONTRACT.md, "The
/// published row").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicRow<'a> {
    trip_id: Uuid,
    device_id: Uuid,
    vehicle_type: &'static str,
    trip_duration: i64,
    trip_distance: i64,
    start_time: Clock,
    end_time: Clock,
    modified_date: Clock,
    start_time_us_central: Clock,
    end_time_us_central: Clock,
    year: i32,
    month: u32,
    hour: u32,
    day_of_week: u32,
    council_district_start: Label<'a>,
    council_district_end: Label<'a>,
    census_geoid_start: Label<'a>,
    census_geoid_end: Label<'a>,
}

/// How trips become published rows, as the settings say.
#[derive(Debug, Clone, Default)]
pub struct PublicForm {
    /// How times are written.
    pub times: PublicTimes,
    /// Under which ids devices are published.
    pub device_ids: DeviceIds,
}

impl PublicForm {
    /// Tells this form from every other one. It has nothing of the key that ids may depend on.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let (zone, minutes) = (self.times.zone.name(), self.times.rounding.as_minutes());
        format!("{zone} {minutes} {}", self.device_ids.fingerprint())
    }
}

/// How the times of published rows are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublicTimes {
    /// The city's zone, although two members have `us_central` in their names.
    pub zone: CivilZone,
    /// The multiple to which start and end are rounded.
    pub rounding: TimeRounding,
}

impl<'a> PublicRow<'a> {
    /// The row of a trip.
    ///
    /// Start and end are rounded. Year, month, hour and day of the week (0 = Monday) are those of
    /// the rounded end in UTC; the civil times are those of the rounded instants. The device's id
    /// is that of the civil day of the rounded start, so that it tells nothing about the time that
    /// the row does not show.
    #[must_use]
    pub fn new(trip: &'a PublicTrip, form: &PublicForm) -> Self {
        let shown = RowTimes::rounded(trip.start_time, trip.end_time, &form.times);
        let day = shown.civil_start.0.date();
        Self {
            trip_id: trip.trip_id,
            device_id: form.device_ids.on(day, trip.device_id),
            vehicle_type: public_vehicle_type(trip.vehicle_type.as_deref()),
            trip_duration: trip.trip_duration,
            trip_distance: trip.trip_distance,
            start_time: shown.start,
            end_time: shown.end,
            modified_date: Clock(trip.modified_date.naive_utc()),
            start_time_us_central: shown.civil_start,
            end_time_us_central: shown.civil_end,
            year: shown.year,
            month: shown.month,
            hour: shown.hour,
            day_of_week: shown.day_of_week,
            council_district_start: Label::of(trip.council_district_start.as_deref()),
            council_district_end: Label::of(trip.council_district_end.as_deref()),
            census_geoid_start: Label::of(trip.census_geoid_start.as_deref()),
            census_geoid_end: Label::of(trip.census_geoid_end.as_deref()),
        }
    }
}

/// The members that follow from start and end.
struct RowTimes {
    start: Clock,
    end: Clock,
    civil_start: Clock,
    civil_end: Clock,
    year: i32,
    month: u32,
    hour: u32,
    day_of_week: u32,
}

impl RowTimes {
    fn rounded(start: DateTime<Utc>, end: DateTime<Utc>, times: &PublicTimes) -> Self {
        let start = times.rounding.round(start);
        let end = times.rounding.round(end);
        Self {
            start: Clock(start.naive_utc()),
            end: Clock(end.naive_utc()),
            civil_start: Clock(times.zone.civil(start)),
            civil_end: Clock(times.zone.civil(end)),
            year: end.year(),
            month: end.month(),
            hour: end.hour(),
            day_of_week: end.weekday().num_days_from_monday(),
        }
    }
}

/// A word of MDS. A provider's own text could say anything, also about a person, so any other is
/// published as `other`, and so is a type that is not known.
fn public_vehicle_type(sent: Option<&str>) -> &'static str {
    sent.and_then(VehicleType::of)
        .unwrap_or(VehicleType::Other)
        .published()
}

#[cfg(test)]
mod tests;
