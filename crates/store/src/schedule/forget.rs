//! Removes blocks that were planned by mistake.

use trips::block::{HourRange, ProviderName};
use trips::status::BlockStatus;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::lock_session::block_key;
use crate::schedule::{read_count, status_code};

/// The blocks of a range in which nothing was ever done, and on which nobody works. The lock of the
/// block 0 is `$4`, the status of a new one `$5`. A server's other databases have locks with the
/// same keys.
const UNTOUCHED: &str = "
    WITH held AS MATERIALIZED (
        SELECT ((classid::bigint << 32) | objid::bigint) AS key FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ), wanted AS (
        SELECT s.* FROM api.schedule s JOIN api.providers p USING (provider_id)
        WHERE p.provider_name = $1 AND s.block_start >= $2 AND s.block_start < $3
    ), untouched AS (
        SELECT s.schedule_id FROM wanted s
        WHERE s.status_id = $5 AND s.payload IS NULL AND s.archived_at IS NULL AND s.extracted_at IS NULL
          AND s.loaded_at IS NULL AND s.published_at IS NULL
          AND NOT EXISTS (SELECT FROM held h WHERE h.key = ($4 | s.schedule_id))
          AND NOT EXISTS (SELECT FROM api.trips t WHERE t.schedule_id = s.schedule_id)
          AND NOT EXISTS (SELECT FROM api.publications u WHERE u.schedule_id = s.schedule_id)
    )";

impl Store {
    /// Deletes the rows of `api.schedule` in which nothing was ever done: status 0, no archive, no
    /// trip, and claimed by nobody. With `dry_run` it only counts them. Returns how many they are,
    /// and how many rows of the range are none of them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`]; [`StoreError::MayNotMigrate`] if
    /// the login may not delete.
    pub async fn forget_untouched(
        &self,
        provider: &ProviderName,
        range: HourRange,
        dry_run: bool,
    ) -> Result<(u64, u64), StoreError> {
        let statement = if dry_run {
            format!(
                "{UNTOUCHED}
                 SELECT (SELECT count(*) FROM untouched) AS untouched, (SELECT count(*) FROM wanted) AS all_blocks"
            )
        } else {
            format!(
                "{UNTOUCHED}, gone AS (
                     DELETE FROM api.schedule s USING untouched u
                     WHERE s.schedule_id = u.schedule_id AND s.status_id = $5
                     RETURNING s.schedule_id
                 )
                 SELECT (SELECT count(*) FROM gone) AS untouched, (SELECT count(*) FROM wanted) AS all_blocks"
            )
        };
        let (start, end) = (range.first().start(), range.end().start());
        let new = status_code(BlockStatus::New);
        let row = self
            .client()
            .await?
            .query_one(
                &statement,
                &[&provider.as_str(), &start, &end, &block_key(0), &new],
            )
            .await
            .map_err(failed("forgetting blocks"))
            .map_err(StoreError::of_migration)?;
        let untouched = read_count(&row, "untouched")?;
        let all = read_count(&row, "all_blocks")?;
        Ok((untouched, all.saturating_sub(untouched)))
    }
}
