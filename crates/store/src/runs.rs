//! Runs in `api.runs`, and how their blocks ended in `api.run_blocks`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Client;
use trips::block::Stage;
use trips::status::Step;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{get, to_bigint};
use crate::values::values;

mod prune;
mod summary;

pub use prune::Pruned;
pub use summary::{
    FailedBlock, FailureGroup, NotedBlock, ProviderSummary, RemovedBlock, RunSummary, RunTrips,
    UnfinishedBlock,
};

/// A run to insert into `api.runs`.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// The run's id.
    pub run_id: Uuid,
    /// The stage that it runs in.
    pub stage: Stage,
    /// The request that started it.
    pub request: Value,
    /// The configuration that it is planned with.
    pub config: RunConfig,
}

/// The entity tags of the two configuration files of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunConfig {
    /// That of the settings file.
    pub settings_etag: String,
    /// That of the providers file.
    pub providers_etag: Option<String>,
}

/// Whether a run that is to be planned is the one that the database has under its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEntry {
    /// It is, or it is new.
    Entered,
    /// Its complete plan has another configuration.
    OtherConfig,
    /// It was begun by another request.
    OtherRequest,
}

/// How a block of a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every requested step is done.
    Done,
    /// The provider has not published the hour yet; a later sweep requests it again.
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

/// How a block ended in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockEnd<'a> {
    /// The last step that was tried.
    pub step: Step,
    /// How it ended.
    pub outcome: Outcome,
    /// The error's name and message.
    pub error: Option<(&'a str, &'a str)>,
}

impl BlockEnd<'_> {
    /// Every step is done up to this one.
    #[must_use]
    pub const fn done(step: Step) -> Self {
        Self {
            step,
            outcome: Outcome::Done,
            error: None,
        }
    }
}

impl Store {
    /// Inserts a run into `api.runs` before its plan is made. If the run is there and its plan is
    /// not complete, it gets the configuration of this record. Changes nothing if the run was begun
    /// by another request, or if its complete plan has another configuration.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn create_run(&self, run: &RunRecord) -> Result<RunEntry, StoreError> {
        let RunConfig {
            settings_etag,
            providers_etag,
        } = &run.config;
        let client = self.client().await?;
        let doing = failed("inserting a run");
        let written = client
            .execute(
                "INSERT INTO api.runs AS run (run_id, stage, request, settings_etag, providers_etag)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (run_id) DO UPDATE
                 SET settings_etag = excluded.settings_etag, providers_etag = excluded.providers_etag
                 WHERE run.request = excluded.request AND (
                     run.block_count IS NULL OR run.settings_etag IS NULL
                     OR (run.settings_etag, run.providers_etag)
                        IS NOT DISTINCT FROM (excluded.settings_etag, excluded.providers_etag))",
                &[
                    &run.run_id,
                    &run.stage.as_str(),
                    &run.request,
                    settings_etag,
                    providers_etag,
                ],
            )
            .await
            .map_err(doing)?;
        if written == 1 {
            return Ok(RunEntry::Entered);
        }
        let row = client
            .query_one(
                "SELECT request = $2 AS is_same FROM api.runs WHERE run_id = $1",
                &[&run.run_id, &run.request],
            )
            .await
            .map_err(doing)?;
        Ok(if get(&row, "is_same")? {
            RunEntry::OtherConfig
        } else {
            RunEntry::OtherRequest
        })
    }

    /// The stages of the runs that the table has.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`]; [`StoreError::LacksRight`] if the
    /// login may not read the runs.
    pub async fn stages_of_runs(&self) -> Result<Vec<String>, StoreError> {
        let stages = "SELECT DISTINCT stage FROM api.runs ORDER BY stage";
        let rows = self.client().await?.query(stages, &[]).await;
        let rows = rows.map_err(failed("reading the stages of runs"))?;
        rows.iter().map(|row| get(row, "stage")).collect()
    }

    /// Records in `api.runs` that a run's plan is complete. Returns whether the run has the
    /// configuration of the plan, without which nothing is recorded.
    ///
    /// # Errors
    ///
    /// As [`Store::create_run`].
    pub async fn finish_plan(
        &self,
        run_id: Uuid,
        block_count: u64,
        config: &RunConfig,
    ) -> Result<bool, StoreError> {
        let written = self
            .client()
            .await?
            .execute(
                "UPDATE api.runs SET planned_at = clock_timestamp(), block_count = $2
                 WHERE run_id = $1 AND (settings_etag, providers_etag) IS NOT DISTINCT FROM ($3, $4)",
                &[
                    &run_id,
                    &to_bigint(block_count),
                    &config.settings_etag,
                    &config.providers_etag,
                ],
            )
            .await
            .map_err(failed("recording a plan"))?;
        Ok(written == 1)
    }

    /// Whether a run completes or repairs what others have left: a sweep (`incomplete_only`) or an
    /// audit.
    ///
    /// # Errors
    ///
    /// As [`Store::create_run`].
    pub async fn is_nightly_run(&self, run_id: Uuid) -> Result<bool, StoreError> {
        let row = self
            .client()
            .await?
            .query_opt(
                "SELECT coalesce(request @> '{\"audit\": true}' OR request @> '{\"incomplete_only\": true}', false) AS is_nightly
                 FROM api.runs WHERE run_id = $1",
                &[&run_id],
            )
            .await
            .map_err(failed("looking at the request of a run"))?;
        row.map_or(Ok(false), |row| get(&row, "is_nightly"))
    }

    /// Reads from `api.runs` when the planning of a run began, or `None` for an unknown run.
    ///
    /// The time is the database's, as `updated_at` of `api.schedule` is: a block with a later
    /// `updated_at` has changed since.
    ///
    /// # Errors
    ///
    /// As [`Store::create_run`].
    pub async fn run_planned_at(&self, run_id: Uuid) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.client()
            .await?
            .query_typed_opt(PLANNED_AT, values![run_id])
            .await
            .map_err(failed("looking up a run"))?
            .map(|row| get(&row, "created_at"))
            .transpose()
    }

    /// Records in `api.run_blocks` how a block of a run ended, in place of an earlier outcome. An
    /// unknown run has no outcomes.
    ///
    /// # Errors
    ///
    /// As [`Store::create_run`].
    pub async fn record_outcome(
        &self,
        run_id: Uuid,
        schedule_id: i64,
        end: BlockEnd<'_>,
    ) -> Result<(), StoreError> {
        let client = self.client().await?;
        record(&client, run_id, schedule_id, end).await
    }
}

pub(crate) const PLANNED_AT: &str = "SELECT created_at FROM api.runs WHERE run_id = $1";

const RECORD: &str = "
    INSERT INTO api.run_blocks (run_id, schedule_id, step, outcome, error_name, message)
    SELECT $1, $2, $3, $4, $5, $6
    WHERE EXISTS (SELECT FROM api.runs WHERE run_id = $1)
    ON CONFLICT (run_id, schedule_id) DO UPDATE
    SET step = excluded.step, outcome = excluded.outcome, error_name = excluded.error_name,
        message = excluded.message, updated_at = clock_timestamp()";

/// As [`Store::record_outcome`], on a connection.
pub(crate) async fn record(
    client: &Client,
    run_id: Uuid,
    schedule_id: i64,
    end: BlockEnd<'_>,
) -> Result<(), StoreError> {
    let (error_name, message) = end.error.unzip();
    let message = message.map(|message| message.replace('\0', ""));
    let (step, outcome) = (end.step.as_str(), end.outcome.as_str());
    client
        .execute_typed(
            RECORD,
            values![run_id, schedule_id, step, outcome, error_name, message],
        )
        .await
        .map_err(failed("recording how a block ended"))?;
    Ok(())
}
