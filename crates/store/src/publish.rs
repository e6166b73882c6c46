//! Reads a block's trips for the portal.

use deadpool_postgres::Transaction;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio_postgres::Row;
use trips::public_row::PublicTrip;

use crate::error::{StoreError, failed};
use crate::schedule::get;

/// The columns of `api.trips t` and `api.devices d` that [`read`] reads.
macro_rules! public_columns {
    () => {
        "SELECT t.id AS trip_id, d.id AS device_id, t.vehicle_type, t.trip_duration, t.trip_distance, t.start_time,
                t.end_time, t.modified_date, t.council_district_start, t.council_district_end, t.census_geoid_start,
                t.census_geoid_end"
    };
}
pub(crate) use public_columns;

/// Selects the trips of which the block `$1` is the owner, as they are in `api.trips`, with their
/// public ids. A trip that another block owns is published by that block, and a withdrawn one by
/// none. The fixed order makes a repeated load write the same file as one that was not interrupted.
const PUBLISH_ROWS: &str = concat!(
    public_columns!(),
    " FROM api.trips t JOIN api.devices d ON d.device_id = t.device_id AND d.provider_id = t.provider_id
      WHERE t.schedule_id = $1 AND t.withdrawn_at IS NULL
      ORDER BY t.end_time, t.id"
);

/// Reads the trips of which a block is the owner, as the transaction sees them.
pub(crate) async fn rows<'t>(
    transaction: &'t Transaction<'_>,
    schedule_id: i64,
) -> Result<BoxStream<'t, Result<PublicTrip, StoreError>>, StoreError> {
    let doing = failed("reading the rows to publish");
    let rows = transaction
        .query_raw(PUBLISH_ROWS, [&schedule_id])
        .await
        .map_err(doing)?;
    Ok(rows.map(move |row| read(&row.map_err(doing)?)).boxed())
}

/// Reads the columns of `public_columns!` by position: finding each column by name would take
/// longer than everything else.
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
