//! Fills in what old rows of `api.schedule` lack.

use tokio_postgres::Transaction;

use crate::error::{StoreError, failed_to_change};

/// Moves the rows of an hour that another row has too out of the schedule.
pub(super) async fn set_aside(
    transaction: &Transaction<'_>,
    schedule_id: &str,
) -> Result<(), StoreError> {
    transaction
        .batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS api.schedule_set_aside (
                 schedule_id bigint NOT NULL,
                 set_aside_at timestamptz NOT NULL DEFAULT now(),
                 content jsonb NOT NULL
             );
             COMMENT ON TABLE api.schedule_set_aside IS
                 'Rows of the Python tool of an hour that another row of api.schedule has too.';
             INSERT INTO api.schedule_set_aside (schedule_id, content)
                 SELECT row_id, to_jsonb(s) FROM api.schedule s JOIN mds_ranked r ON row_id = ({schedule_id}) WHERE n > 1;
             DELETE FROM api.schedule s USING mds_ranked r WHERE row_id = ({schedule_id}) AND n > 1"
        ))
        .await
        .map_err(failed_to_change("setting rows of the schedule aside"))
}

/// Writes the blocks, and makes the counts add up as the constraint of the table wants it: what was
/// fetched is what was loaded, rejected or delivered twice. A count that the old tool did not keep
/// follows from the others.
pub(super) const FILL_IN: &str = "
    ALTER TABLE api.schedule ADD COLUMN IF NOT EXISTS records_duplicate_count bigint;
    UPDATE api.schedule s
    SET block_start = r.block_start,
        block_end = r.block_start + interval '1 hour',
        date = coalesce(r.civil_date, s.date), year = coalesce(r.year, s.year), month = coalesce(r.month, s.month),
        day = coalesce(r.day, s.day), hour = coalesce(r.hour, s.hour),
        payload_trips_count = coalesce(s.payload_trips_count, s.records_total),
        records_total = CASE WHEN s.records_processed >= 0
            THEN greatest(s.records_total, s.records_processed + greatest(s.records_error_count, 0)) END,
        records_processed = CASE WHEN s.records_processed >= 0 THEN s.records_processed END,
        records_error_count = CASE WHEN s.records_error_count >= 0 THEN s.records_error_count
            WHEN s.records_processed >= 0 THEN greatest(s.records_total - s.records_processed, 0) END,
        records_duplicate_count = CASE WHEN s.records_processed >= 0 THEN CASE WHEN s.records_error_count >= 0
            THEN greatest(s.records_total - s.records_processed - s.records_error_count, 0) ELSE 0 END END
    FROM mds_ranked r
    WHERE r.row_id = s.schedule_id AND r.n = 1";

/// The constraints that the first migration gives to a new table.
pub(super) const CONSTRAIN: &str = "
    ALTER TABLE api.schedule
        ADD CONSTRAINT schedule_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES api.providers (provider_id),
        ADD CONSTRAINT schedule_block_is_an_hour CHECK (
            block_end = block_start + interval '1 hour' AND date_trunc('hour', block_start, 'UTC') = block_start
        ),
        ADD CONSTRAINT schedule_every_trip_is_accounted_for CHECK (
            records_total IS NULL OR (
                records_processed IS NOT NULL AND records_error_count IS NOT NULL AND records_duplicate_count IS NOT NULL
                AND records_total = records_processed + records_error_count + records_duplicate_count
            )
        );
    DROP INDEX IF EXISTS api.schedule_block;
    CREATE UNIQUE INDEX schedule_block ON api.schedule (provider_id, block_start)";
