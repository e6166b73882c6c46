//! Runs: one plan and how each of its blocks ended.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Row;
use trips::block::{Hour, ProviderName, Stage};
use trips::status::Step;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::get;

/// Failed blocks that a summary names.
const FIRST_FAILED: i64 = 10;

/// A run to enter.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// Its id.
    pub run_id: Uuid,
    /// Which deployment.
    pub stage: Stage,
    /// What was asked for.
    pub request: Value,
}

/// How a block of a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every step that was asked for is done.
    Done,
    /// The provider has not published the hour yet; a later sweep will ask again.
    NotReady,
    /// A step failed.
    Failed,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotReady => "not_ready",
            Self::Failed => "failed",
        }
    }
}

/// A run's blocks, counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The run.
    pub run_id: Uuid,
    /// Blocks of the plan; none if the plan itself was not completed.
    pub planned: Option<u64>,
    /// Blocks with every step done.
    pub done: u64,
    /// Blocks that the provider has not published yet.
    pub not_ready: u64,
    /// Blocks with a failed step.
    pub failed: u64,
    /// Blocks that never said how they ended: killed, or still at it.
    pub unfinished: u64,
    /// Trips in the archives of the run's blocks, as of their last load.
    pub trips_fetched: u64,
    /// Trips loaded. `fetched = loaded + rejected + duplicates`.
    pub trips_loaded: u64,
    /// Trips refused.
    pub trips_rejected: u64,
    /// Deliveries of a trip beside the one that counts.
    pub trips_duplicates: u64,
    /// Some of the failed blocks, the earliest hours first.
    pub first_failed: Vec<FailedBlock>,
}

/// A block that failed in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedBlock {
    /// Its row in the schedule.
    pub schedule_id: i64,
    /// Whose block.
    pub provider: ProviderName,
    /// First instant of the hour.
    pub block_start: Hour,
    /// The step that failed: `extract`, `sync-db` or `sync-socrata`.
    pub step: String,
    /// The error's name.
    pub error_name: Option<String>,
    /// What the error says.
    pub message: Option<String>,
}

impl RunSummary {
    /// Whether the plan was completed, no block failed, and each has ended.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.planned.is_some() && self.failed == 0 && self.unfinished == 0
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
            self.error_name.as_deref().unwrap_or("no reason noted"),
        )
    }
}

impl Store {
    /// Enters a run whose plan is about to be made. The same run again changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn create_run(&self, run: &RunRecord) -> Result<(), StoreError> {
        self.client()
            .await?
            .execute(
                "INSERT INTO api.runs (run_id, stage, request) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                &[&run.run_id, &run.stage.as_str(), &run.request],
            )
            .await
            .map_err(failed("entering a run"))?;
        Ok(())
    }

    /// Notes that a run's plan is complete.
    ///
    /// # Errors
    ///
    /// As [`Store::create_run`].
    pub async fn finish_plan(&self, run_id: Uuid, block_count: u64) -> Result<(), StoreError> {
        self.client()
            .await?
            .execute(
                "UPDATE api.runs SET planned_at = clock_timestamp(), block_count = $2 WHERE run_id = $1",
                &[&run_id, &crate::claim::signed(block_count)],
            )
            .await
            .map_err(failed("noting a plan"))?;
        Ok(())
    }

    /// When the planning of a run began, by the database's clock: a block with a later `updated_at`
    /// has changed since. None for a run that was never entered.
    ///
    /// # Errors
    ///
    /// As [`Store::create_run`].
    pub async fn run_planned_at(&self, run_id: Uuid) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.client()
            .await?
            .query_opt(
                "SELECT created_at FROM api.runs WHERE run_id = $1",
                &[&run_id],
            )
            .await
            .map_err(failed("looking up a run"))?
            .map(|row| get(&row, "created_at"))
            .transpose()
    }

    /// Notes how a block of a run ended; the last word counts. `error` is its name and message.
    ///
    /// # Errors
    ///
    /// As [`Store::create_run`]; [`StoreError::Database`] for a run that was never entered.
    pub async fn record_outcome(
        &self,
        run_id: Uuid,
        schedule_id: i64,
        step: Step,
        outcome: Outcome,
        error: Option<(&str, &str)>,
    ) -> Result<(), StoreError> {
        let (error_name, message) = error.unzip();
        self.client()
            .await?
            .execute(
                "INSERT INTO api.run_blocks (run_id, schedule_id, step, outcome, error_name, message)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (run_id, schedule_id) DO UPDATE
                 SET step = excluded.step, outcome = excluded.outcome, error_name = excluded.error_name,
                     message = excluded.message, updated_at = clock_timestamp()",
                &[
                    &run_id,
                    &schedule_id,
                    &step.as_str(),
                    &outcome.as_str(),
                    &error_name,
                    &message.map(|message| message.replace('\0', "")),
                ],
            )
            .await
            .map_err(failed("noting how a block ended"))?;
        Ok(())
    }

    /// Counts a run's blocks by outcome; none for a run that was never entered.
    ///
    /// # Errors
    ///
    /// As [`Store::create_run`].
    pub async fn run_summary(&self, run_id: Uuid) -> Result<Option<RunSummary>, StoreError> {
        let doing = failed("summing up a run");
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
                &[&run_id, &FIRST_FAILED],
            )
            .await
            .map_err(doing)?;
        summary(run_id, &counts, &first_failed).map(Some)
    }
}

fn summary(run_id: Uuid, counts: &Row, first_failed: &[Row]) -> Result<RunSummary, StoreError> {
    let count = |column| get::<i64>(counts, column).map(i64::unsigned_abs);
    let planned = get::<Option<i64>>(counts, "block_count")?.map(i64::unsigned_abs);
    let (done, not_ready, failed) = (count("done")?, count("not_ready")?, count("failed")?);
    Ok(RunSummary {
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
    })
}

impl FailedBlock {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let provider: String = get(row, "provider_name")?;
        let start: DateTime<Utc> = get(row, "block_start")?;
        Ok(Self {
            schedule_id: get(row, "schedule_id")?,
            provider: provider.parse().map_err(|_| StoreError::Corrupt {
                what: "api.providers.provider_name",
            })?,
            block_start: Hour::containing(start),
            step: get(row, "step")?,
            error_name: get(row, "error_name")?,
            message: get(row, "message")?,
        })
    }
}
