//! [`RunSummary`]: the counts of a run's blocks and trips.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use trips::block::{Hour, ProviderName};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_provider};

/// How many failed blocks, and how many blocks without an outcome, a summary names.
const MAX_NAMED: u32 = 10;

/// The counts of a run's blocks by outcome, and of their trips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The run.
    pub run_id: Uuid,
    /// Number of blocks in the plan; `None` if the plan was not completed.
    pub planned: Option<u64>,
    /// Number of blocks with every step done.
    pub done: u64,
    /// Number of blocks that the provider has not published yet.
    pub not_ready: u64,
    /// Number of blocks with a failed step.
    pub failed: u64,
    /// Number of blocks without an outcome: they were killed or are still in progress.
    pub unfinished: u64,
    /// Number of trips in the archives of the run's blocks, as of their last load.
    pub trips_fetched: u64,
    /// Number of trips loaded. `fetched = loaded + rejected + duplicates`.
    pub trips_loaded: u64,
    /// Number of trips rejected.
    pub trips_rejected: u64,
    /// Number of trips delivered again within a block.
    pub trips_duplicates: u64,
    /// The first failed blocks, the earliest hours first.
    pub first_failed: Vec<FailedBlock>,
    /// The first blocks without an outcome, in the order of the plan. The database does not know
    /// them, so whoever has the plan adds them.
    #[serde(default)]
    pub first_unfinished: Vec<UnfinishedBlock>,
}

/// A block of a plan that has no outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnfinishedBlock {
    /// The id of its row in `api.schedule`.
    pub schedule_id: i64,
    /// The block's provider.
    pub provider: ProviderName,
    /// The block's label.
    pub label: String,
}

/// A block that failed in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedBlock {
    /// The id of its row in `api.schedule`.
    pub schedule_id: i64,
    /// The block's provider.
    pub provider: ProviderName,
    /// The block's hour.
    pub block_start: Hour,
    /// The step that failed: `extract`, `sync-db` or `sync-socrata`.
    pub step: String,
    /// The error's name.
    pub error_name: Option<String>,
    /// The error's message.
    pub message: Option<String>,
}

impl RunSummary {
    /// True if the plan was completed, every block has ended and none failed.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.planned.is_some() && self.failed == 0 && self.unfinished == 0
    }

    /// Whether blocks without an outcome remain to be named.
    #[must_use]
    pub fn has_unnamed(&self) -> bool {
        let named = self.first_unfinished.len() as u64;
        named < self.unfinished.min(MAX_NAMED.into())
    }
}

impl fmt::Display for RunSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(planned) = self.planned else {
            return write!(f, "run {}: the plan was not completed", self.run_id);
        };
        write!(
            f,
            "run {}: of {planned} blocks {} done, {} not published by the provider yet, {} failed, {} did not end",
            self.run_id, self.done, self.not_ready, self.failed, self.unfinished
        )?;
        write!(
            f,
            "; {} trips fetched = {} loaded + {} rejected + {} duplicates",
            self.trips_fetched, self.trips_loaded, self.trips_rejected, self.trips_duplicates
        )?;
        for (n, block) in self.first_failed.iter().enumerate() {
            f.write_str(if n == 0 { "; failed: " } else { ", " })?;
            write!(f, "{block}")?;
        }
        for (n, block) in self.first_unfinished.iter().enumerate() {
            f.write_str(if n == 0 { "; did not end: " } else { ", " })?;
            write!(f, "{} {}", block.provider, block.label)?;
        }
        Ok(())
    }
}

impl fmt::Display for FailedBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} ({})",
            self.provider,
            self.block_start.start().format("%Y-%m-%dT%H:%MZ"),
            self.step,
            self.error_name.as_deref().unwrap_or("no reason recorded"),
        )
    }
}

impl Store {
    /// Counts a run's blocks by their outcome in `api.run_blocks`, and their trips in
    /// `api.schedule`. Returns `None` for a run that is not in `api.runs`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn run_summary(&self, run_id: Uuid) -> Result<Option<RunSummary>, StoreError> {
        let doing = failed("summarizing a run");
        let client = self.client().await?;
        let counts = client
            .query_opt(
                "SELECT r.block_count,
                        count(*) FILTER (WHERE b.outcome = 'done') AS done,
                        count(*) FILTER (WHERE b.outcome = 'not_ready') AS not_ready,
                        count(*) FILTER (WHERE b.outcome = 'failed') AS failed,
                        coalesce(sum(s.records_total), 0)::bigint AS fetched,
                        coalesce(sum(s.records_processed), 0)::bigint AS loaded,
                        coalesce(sum(s.records_error_count), 0)::bigint AS rejected,
                        coalesce(sum(s.records_duplicate_count), 0)::bigint AS duplicates
                 FROM api.runs r
                 LEFT JOIN api.run_blocks b USING (run_id)
                 LEFT JOIN api.schedule s USING (schedule_id)
                 WHERE r.run_id = $1
                 GROUP BY r.run_id",
                &[&run_id],
            )
            .await
            .map_err(doing)?;
        let Some(counts) = counts else {
            return Ok(None);
        };
        let first_failed = client
            .query(
                "SELECT b.schedule_id, p.provider_name, s.block_start, b.step, b.error_name, b.message
                 FROM api.run_blocks b
                 JOIN api.schedule s USING (schedule_id)
                 JOIN api.providers p USING (provider_id)
                 WHERE b.run_id = $1 AND b.outcome = 'failed'
                 ORDER BY s.block_start, p.provider_name
                 LIMIT $2",
                &[&run_id, &i64::from(MAX_NAMED)],
            )
            .await
            .map_err(doing)?;
        RunSummary::read(run_id, &counts, &first_failed).map(Some)
    }

    /// Finds those of the given blocks that have no outcome in a run, in the given order.
    ///
    /// # Errors
    ///
    /// As [`Store::run_summary`].
    pub async fn blocks_without_outcome(
        &self,
        run_id: Uuid,
        schedule_ids: &[i64],
    ) -> Result<Vec<i64>, StoreError> {
        self.client()
            .await?
            .query(
                "SELECT schedule_id
                 FROM unnest($2::bigint[]) WITH ORDINALITY AS given (schedule_id, n)
                 WHERE NOT EXISTS (
                     SELECT FROM api.run_blocks b WHERE b.run_id = $1 AND b.schedule_id = given.schedule_id
                 )
                 ORDER BY n",
                &[&run_id, &schedule_ids],
            )
            .await
            .map_err(failed("looking for blocks that did not end"))?
            .iter()
            .map(|row| get(row, "schedule_id"))
            .collect()
    }
}

impl RunSummary {
    fn read(run_id: Uuid, counts: &Row, first_failed: &[Row]) -> Result<Self, StoreError> {
        let count = |column| get::<i64>(counts, column).map(i64::unsigned_abs);
        let planned = get::<Option<i64>>(counts, "block_count")?.map(i64::unsigned_abs);
        let (done, not_ready, failed) = (count("done")?, count("not_ready")?, count("failed")?);
        Ok(Self {
            run_id,
            planned,
            done,
            not_ready,
            failed,
            unfinished: planned
                .unwrap_or(0)
                .saturating_sub(done + not_ready + failed),
            trips_fetched: count("fetched")?,
            trips_loaded: count("loaded")?,
            trips_rejected: count("rejected")?,
            trips_duplicates: count("duplicates")?,
            first_failed: first_failed
                .iter()
                .map(FailedBlock::read)
                .collect::<Result<_, _>>()?,
            first_unfinished: Vec::new(),
        })
    }
}

impl FailedBlock {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let start: DateTime<Utc> = get(row, "block_start")?;
        Ok(Self {
            schedule_id: get(row, "schedule_id")?,
            provider: read_provider(row, "provider_name")?,
            block_start: Hour::containing(start),
            step: get(row, "step")?,
            error_name: get(row, "error_name")?,
            message: get(row, "message")?,
        })
    }
}
