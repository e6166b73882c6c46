//! Reads a block's trips for the portal.

use tokio_postgres::Row;
use trips::public_row::PublicTrip;

use crate::error::StoreError;
use crate::schedule::get;

/// Selects the trips of which the block `$1` is the owner, as they are in `api.trips`, with their
/// public ids. A trip that another block owns is published by that block, and a withdrawn one by
/// none. The fixed order makes a repeated load write the same file as one that was not interrupted.
pub(crate) const PUBLISH_ROWS: &str = "
    SELECT t.id AS trip_id, d.id AS device_id, t.vehicle_type, t.trip_duration, t.trip_distance, t.start_time,
           t.end_time, t.modified_date, t.council_district_start, t.council_district_end, t.census_geoid_start,
           t.census_geoid_end
    FROM api.trips t
    JOIN api.devices d ON d.device_id = t.device_id AND d.provider_id = t.provider_id
    WHERE t.schedule_id = $1 AND t.withdrawn_at IS NULL
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
