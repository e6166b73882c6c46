//! Old runs are deleted, with the outcomes of their blocks.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::get;

/// Outcomes that are deleted with one statement, so that none holds locks for long.
const BATCH_ROWS: i64 = 5_000;

/// A block that is tried again and again ends within two days, so a run in which no block has ended
/// for this long has ended itself.
const QUIET: TimeDelta = TimeDelta::days(7);

const OLD_RUNS: &str = "
    SELECT run_id FROM api.runs r
    WHERE created_at < clock_timestamp() - $1::bigint * interval '1 second'
      AND NOT EXISTS (
          SELECT FROM api.run_blocks b
          WHERE b.run_id = r.run_id AND b.updated_at > clock_timestamp() - $2::bigint * interval '1 second'
      )
    ORDER BY created_at";

const DELETE_OUTCOMES: &str = "
    DELETE FROM api.run_blocks WHERE run_id = $1 AND schedule_id IN (
        SELECT schedule_id FROM api.run_blocks WHERE run_id = $1
        ORDER BY schedule_id LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

const DELETE_RUN: &str = "
    DELETE FROM api.runs r WHERE run_id = $1
      AND NOT EXISTS (SELECT FROM api.run_blocks b WHERE b.run_id = r.run_id)";

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Rows of `api.runs`.
    pub runs: u64,
    /// Rows of `api.run_blocks`.
    pub outcomes: u64,
}

impl Store {
    /// Deletes runs that began longer than `age` ago, with the outcomes of their blocks, in small
    /// batches and for `at_most` this long; the rest is left for the next time. A run that goes on
    /// stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`], [`StoreError::Refused`].
    pub async fn prune_runs(
        &self,
        age: TimeDelta,
        at_most: Duration,
    ) -> Result<Pruned, StoreError> {
        let until = Instant::now() + at_most;
        let client = self.client().await?;
        let old = client
            .query(OLD_RUNS, &[&age.num_seconds(), &QUIET.num_seconds()])
            .await
            .map_err(failed("looking for old runs"))?;
        let mut pruned = Pruned::default();
        for row in &old {
            let run_id: Uuid = get(row, "run_id")?;
            loop {
                if Instant::now() >= until {
                    return Ok(pruned);
                }
                let deleted = client
                    .execute(DELETE_OUTCOMES, &[&run_id, &BATCH_ROWS])
                    .await
                    .map_err(failed("deleting outcomes of an old run"))?;
                pruned.outcomes += deleted;
                if deleted < BATCH_ROWS.unsigned_abs() {
                    break;
                }
            }
            pruned.runs += client
                .execute(DELETE_RUN, &[&run_id])
                .await
                .map_err(failed("deleting an old run"))?;
        }
        Ok(pruned)
    }
}
