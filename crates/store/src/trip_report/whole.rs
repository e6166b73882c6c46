//! Finds the trips of a device that overlap in one search of the database, whose memory is a file.

use deadpool_postgres::Transaction;
use tokio_postgres::Row;
use trips::block::HourRange;

use crate::error::{StoreError, failed};

/// Counts the overlapping trips of a range by block, provider's id and type of vehicle.
const OVERLAPS: &str = "
    WITH searched AS (
        SELECT provider_id, vehicle_type, schedule_id, start_time < max(end_time) OVER (
            PARTITION BY device_id, provider_id ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS is_overlapping
        FROM api.trips
        WHERE end_time >= $1 AND end_time < $2 AND withdrawn_at IS NULL
    ), counted AS (
        SELECT schedule_id, provider_id, vehicle_type, count(*) AS overlapping
        FROM searched
        WHERE is_overlapping
        GROUP BY schedule_id, provider_id, vehicle_type
    )
    SELECT s.provider_id AS entry, c.provider_id, c.vehicle_type, c.overlapping
    FROM counted c LEFT JOIN api.schedule s USING (schedule_id)";

/// Sorts in fewer passes.
const MEMORY: &str = "SET LOCAL work_mem = '128MB'";

/// The counts of a range with more trips than are searched in memory.
pub(super) async fn search_whole(
    transaction: &Transaction<'_>,
    range: HourRange,
) -> Result<Vec<Row>, StoreError> {
    let doing = failed("looking for trips that overlap");
    transaction.batch_execute(MEMORY).await.map_err(doing)?;
    let (first, end) = (range.first().start(), range.end().start());
    transaction
        .query(OVERLAPS, &[&first, &end])
        .await
        .map_err(doing)
}
