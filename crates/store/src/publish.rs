//! Reads a block's trips for the portal.

use tokio_postgres::Row;
use trips::public_row::PublicTrip;

use crate::error::StoreError;
use crate::schedule::get;

/// Selects the trips of the current load as they are in `api.trips`, with their public ids. The
/// temporary table already holds the devices' public ids. The fixed order makes a repeated load
/// write the same file as one that was not interrupted.
pub(crate) const PUBLISH_ROWS: &str = "
    SELECT t.id AS trip_id, i.device_public_id AS device_id, t.vehicle_type, t.trip_duration, t.trip_distance, t.start_time,
           t.end_time, t.modified_date, t.council_district_start, t.council_district_end, t.census_geoid_start,
           t.census_geoid_end
    FROM pg_temp.incoming i
    JOIN api.trips t ON t.provider_id = i.provider_id AND t.trip_id = i.trip_id
    ORDER BY t.end_time, t.id";

/// Reads a row of [`PUBLISH_ROWS`] by position: finding each column by name would take longer than
/// everything else.
pub(crate) fn read(row: &Row) -> Result<PublicTrip, StoreError> {
    Ok(PublicTrip {
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
