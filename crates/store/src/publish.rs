//! A block's trips as the public may know them.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use trips::public_row::PublicTrip;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schedule::get;

/// The trips of the load at hand, as they stand in the table, with the ids they have there; the
/// devices' ids were looked up when those were entered. In an order, so that a load that was killed
/// and repeated leaves the same file as one that was not.
pub(crate) const PUBLISH_ROWS: &str = "
    SELECT t.id AS trip_id, i.device_public_id AS device_id, t.vehicle_type, t.trip_duration, t.trip_distance, t.start_time,
           t.end_time, t.modified_date, t.council_district_start, t.council_district_end, t.census_geoid_start,
           t.census_geoid_end
    FROM pg_temp.incoming i
    JOIN api.trips t ON t.provider_id = i.provider_id AND t.trip_id = i.trip_id
    ORDER BY t.end_time, t.id";

/// A trip with its public ids: what [`PublicTrip`] borrows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishRow {
    trip_id: Uuid,
    device_id: Uuid,
    vehicle_type: Option<String>,
    trip_duration: i64,
    trip_distance: i64,
    start_time: DateTime<Utc>,
    end_time: DateTime<Utc>,
    modified_date: DateTime<Utc>,
    council_district_start: Option<String>,
    council_district_end: Option<String>,
    census_geoid_start: Option<String>,
    census_geoid_end: Option<String>,
}

impl PublishRow {
    /// The trip, for [`PublicRow::new`](trips::public_row::PublicRow::new).
    #[must_use]
    pub fn public_trip(&self) -> PublicTrip<'_> {
        PublicTrip {
            trip_id: self.trip_id,
            device_id: self.device_id,
            vehicle_type: self.vehicle_type.as_deref(),
            trip_duration: self.trip_duration,
            trip_distance: self.trip_distance,
            start_time: self.start_time,
            end_time: self.end_time,
            modified_date: self.modified_date,
            council_district_start: self.council_district_start.as_deref(),
            council_district_end: self.council_district_end.as_deref(),
            census_geoid_start: self.census_geoid_start.as_deref(),
            census_geoid_end: self.census_geoid_end.as_deref(),
        }
    }

    /// In the order of [`PUBLISH_ROWS`]: to look each column up by its name would take longer than
    /// all the rest.
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            trip_id: get(row, 0)?,
            device_id: get(row, 1)?,
            vehicle_type: get(row, 2)?,
            trip_duration: get(row, 3)?,
            trip_distance: get(row, 4)?,
            start_time: get(row, 5)?,
            end_time: get(row, 6)?,
            modified_date: get(row, 7)?,
            council_district_start: get(row, 8)?,
            council_district_end: get(row, 9)?,
            census_geoid_start: get(row, 10)?,
            census_geoid_end: get(row, 11)?,
        })
    }
}
