//! The row that the open data portal has for a trip.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::time::CivilZone;

/// The part of a trip in the database that may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicTrip {
    /// The trip's public id.
    pub trip_id: Uuid,
    /// The device's public id.
    pub device_id: Uuid,
    /// MDS vehicle type.
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
    vehicle_type: Option<&'a str>,
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

impl<'a> PublicRow<'a> {
    /// The row of a trip. `zone` is the city's, although two columns have `us_central` in their
    /// names.
    ///
    /// Year, month, hour and day of the week (0 = Monday) are those of the end time in UTC.
    #[must_use]
    pub fn new(trip: &'a PublicTrip, zone: &CivilZone) -> Self {
        Self {
            trip_id: trip.trip_id,
            device_id: trip.device_id,
            vehicle_type: trip.vehicle_type.as_deref().map(public_vehicle_type),
            trip_duration: trip.trip_duration,
            trip_distance: trip.trip_distance,
            start_time: Clock(trip.start_time.naive_utc()),
            end_time: Clock(trip.end_time.naive_utc()),
            modified_date: Clock(trip.modified_date.naive_utc()),
            start_time_us_central: Clock(zone.civil(trip.start_time)),
            end_time_us_central: Clock(zone.civil(trip.end_time)),
            year: trip.end_time.year(),
            month: trip.end_time.month(),
            hour: trip.end_time.hour(),
            day_of_week: trip.end_time.weekday().num_days_from_monday(),
            council_district_start: Label(trip.council_district_start.as_deref()),
            council_district_end: Label(trip.council_district_end.as_deref()),
            census_geoid_start: Label(trip.census_geoid_start.as_deref()),
            census_geoid_end: Label(trip.census_geoid_end.as_deref()),
        }
    }
}

/// MDS 2.0 distinguishes standing and seated scooters; the published rows have one word for both.
fn public_vehicle_type(kind: &str) -> &str {
    match kind {
        "scooter_standing" | "scooter_seated" => "scooter",
        other => other,
    }
}

/// A date and time to the second, without an offset: `2020-02-11T15:08:25`. The years of trips have
/// four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clock(NaiveDateTime);

impl Clock {
    /// Digit by digit: a row has five of them, and `write!` would take as long as the rest of the
    /// row.
    fn text(self) -> [u8; 19] {
        let mut text = *b"0000-00-00T00:00:00";
        let mut put = |last: usize, digits: usize, number: u32| {
            let mut rest = number;
            for place in (0..digits).map(|digit| last - digit) {
                text[place] += u8::try_from(rest % 10).unwrap_or_default();
                rest /= 10;
            }
        };
        let (date, time) = (self.0.date(), self.0.time());
        put(3, 4, date.year().unsigned_abs());
        put(6, 2, date.month());
        put(9, 2, date.day());
        put(12, 2, time.hour());
        put(15, 2, time.minute());
        put(18, 2, time.second());
        text
    }
}

impl Serialize for Clock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text();
        let text = str::from_utf8(&text).map_err(S::Error::custom)?;
        serializer.serialize_str(text)
    }
}

/// A label, or the number 0 for a point without one, as the dataset has always had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Label<'a>(Option<&'a str>);

impl Serialize for Label<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(label) => serializer.serialize_str(label),
            None => serializer.serialize_u8(0),
        }
    }
}

#[cfg(test)]
mod tests;
