//! The events of docs/CONTRACT.md, "Events and errors": what a plan is asked for, and the item that
//! a block's steps pass on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use trips::Changes;
use trips::block::{Block, Hour, ProviderName};
use trips::status::{Step, StepSelection};
use uuid::Uuid;

use crate::error::{ErrorName, PipelineError};

/// What `plan-blocks` takes: which providers and hours, and what to do with them.
///
/// An unknown key is refused, because a misspelled `force` that is ignored does the wrong thing for
/// months.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanRequest {
    /// A provider's name, or `all` for every enabled one.
    pub provider: Option<String>,
    /// Several providers by name, in place of or beside `provider`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// First civil hour, `yyyy-mm-dd-hh` or RFC 3339.
    pub time_min: Option<String>,
    /// End of the range, exclusive; same forms.
    pub time_max: Option<String>,
    /// Hours before `time_max` or, without it, from `time_min`.
    pub interval: Option<u32>,
    /// In place of `time_max`: when the schedule fired.
    pub scheduled_time: Option<DateTime<Utc>>,
    /// With `scheduled_time`: how many hours back the range ends. A provider's own `lag_hours`
    /// wins.
    pub lag_hours: Option<u32>,
    /// Do every chosen step again, whatever the block's status.
    pub force: bool,
    /// Only blocks that are not published yet; those without trips are asked for again.
    pub incomplete_only: bool,
    /// Say what would be done and write nothing anywhere.
    pub dry_run: bool,
    /// Leave the step `extract` out.
    pub no_extract: bool,
    /// Leave the step `sync-db` out.
    pub no_sync_db: bool,
    /// Leave the step `sync-socrata` out.
    pub no_sync_socrata: bool,
    /// How many blocks the run may work on at once.
    pub max_concurrency: Option<u32>,
    /// The ARN of the state machine execution that the run is. The same execution always is the
    /// same run, so that a plan that is repeated does not start a second one.
    pub execution: Option<String>,
}

impl PlanRequest {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// `InvalidInput` that names the key.
    pub fn from_json(event: serde_json::Value) -> Result<Self, PipelineError> {
        read_object("plan request", event)
    }

    /// The run that the request is: the execution's own, or a new one.
    pub(crate) fn run_id(&self) -> Result<Uuid, PipelineError> {
        match self.execution.as_deref().map(str::trim) {
            None => Ok(Uuid::now_v7()),
            Some("") => Err(PipelineError::new(
                ErrorName::InvalidInput,
                "plan request: execution is empty: give the execution's ARN, or leave it out",
            )),
            Some(arn) => Ok(Uuid::new_v5(&Uuid::NAMESPACE_URL, arn.as_bytes())),
        }
    }

    pub(crate) fn steps(&self) -> StepSelection {
        StepSelection {
            extract: !self.no_extract,
            sync_db: !self.no_sync_db,
            sync_socrata: !self.no_sync_socrata,
        }
    }
}

/// Serde would also read an array, value by value; nobody means that.
fn read_object<T: serde::de::DeserializeOwned>(
    what: &str,
    event: serde_json::Value,
) -> Result<T, PipelineError> {
    let wrong = |why: String| PipelineError::new(ErrorName::InvalidInput, format!("{what}: {why}"));
    if !event.is_object() {
        return Err(wrong("must be a JSON object".to_owned()));
    }
    serde_json::from_value(event).map_err(|e| wrong(e.to_string()))
}

/// Where a run's manifest lies: what a Map state's `ItemReader` is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestLocation {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: String,
}

/// One block with the steps to do, as the manifest holds it and the steps pass it on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockItem {
    /// The run that planned it.
    pub run_id: Uuid,
    /// The block's row in `api.schedule`.
    pub schedule_id: i64,
    /// The provider's short name.
    pub provider: ProviderName,
    /// First instant of the hour.
    pub block_start: DateTime<Utc>,
    /// First instant after the hour.
    pub block_end: DateTime<Utc>,
    /// The hour's label: its end in civil time.
    pub label: String,
    /// The steps to do, in order.
    pub steps: Vec<Step>,
    /// Do the steps whatever the block's status.
    pub force: bool,
    /// What `extract` did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<ExtractOutput>,
    /// What `sync-db` did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_db: Option<SyncDbOutput>,
    /// What `sync-socrata` did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_socrata: Option<SyncSocrataOutput>,
}

impl BlockItem {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// `InvalidInput` that names the key.
    pub fn from_json(event: serde_json::Value) -> Result<Self, PipelineError> {
        read_object("block item", event)
    }

    /// The block that the item speaks of.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the two instants are not one clock hour.
    pub fn block(&self) -> Result<Block, PipelineError> {
        let hour = Hour::starting_at(self.block_start)
            .ok()
            .filter(|hour| hour.end() == self.block_end)
            .ok_or_else(|| {
                PipelineError::new(
                    ErrorName::InvalidInput,
                    format!(
                        "block_start {} and block_end {} are not the two ends of one clock hour",
                        self.block_start.to_rfc3339(),
                        self.block_end.to_rfc3339()
                    ),
                )
            })?;
        Ok(Block {
            provider: self.provider.clone(),
            hour,
        })
    }
}

/// What `extract` adds to the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractOutput {
    /// The archive's key.
    pub trips_key: String,
    /// Trips that the provider sent.
    pub trip_count: u64,
    /// Pages that were asked for.
    #[serde(default)]
    pub pages: u32,
    /// Length of the JSON before compression and encryption, in bytes; 0 where the archive before
    /// was kept.
    #[serde(default)]
    pub payload_bytes: u64,
    /// What differs from the answer before; none for a first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
}

/// What `sync-db` adds to the item. `fetched = loaded + rejected + duplicates`, always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncDbOutput {
    /// Key of the rows for the portal.
    pub publish_key: String,
    /// Trips in the archive.
    #[serde(default)]
    pub fetched: u64,
    /// Trips that stand in the table.
    pub loaded: u64,
    /// Trips refused, kept in `rejects.json`.
    pub rejected: u64,
    /// Deliveries of a trip that the archive holds more than once.
    pub duplicates: u64,
}

/// What `sync-socrata` adds to the item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncSocrataOutput {
    /// Rows that the portal created.
    pub created: u64,
    /// Rows that the portal updated.
    pub updated: u64,
    /// Rows that the portal refused.
    pub errors: u64,
}
