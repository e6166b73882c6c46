//! The events of docs/CONTRACT.md, "Events and errors": the request for a plan, and the block item
//! that the steps pass on.

use chrono::{DateTime, Utc};
use config::ConfigVersion;
use serde::{Deserialize, Serialize};
use trips::Changes;
use trips::block::{Block, Hour, ProviderName};
use trips::json::optional_object;
use trips::status::{Step, StepSelection};
use uuid::Uuid;

pub use self::read::read_event;
use self::read::{optional_whole, or_default};
use crate::error::{ErrorName, PipelineError};

mod read;

/// What `plan-blocks` takes: providers, hours, and what to do with them.
///
/// An unknown key is refused: a misspelled `force` that is ignored could go unnoticed for months.
/// `null` stands for a member that is left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanRequest {
    /// A provider's name, or `all` for every enabled one.
    pub provider: Option<String>,
    /// Several providers by name, instead of `provider` or as well as it.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// The first civil hour, `yyyy-mm-dd-hh` or RFC 3339.
    pub time_min: Option<String>,
    /// The end of the range, exclusive; same forms.
    pub time_max: Option<String>,
    /// The number of hours before `time_max` or, without it, from `time_min`.
    #[serde(deserialize_with = "optional_whole")]
    pub interval: Option<u32>,
    /// When the schedule fired; instead of `time_max`.
    pub scheduled_time: Option<DateTime<Utc>>,
    /// How many hours before `scheduled_time` the range ends. A provider's own `lag_hours` takes
    /// precedence.
    #[serde(deserialize_with = "optional_whole")]
    pub lag_hours: Option<u32>,
    /// Repeat every chosen step, whatever the block's status.
    #[serde(deserialize_with = "or_default")]
    pub force: bool,
    /// Believe a provider that no longer returns trips that are loaded. With `audit`, delete also
    /// many rows of trips that the database has never had.
    #[serde(deserialize_with = "or_default")]
    pub accept_losses: bool,
    /// Only blocks that are not published yet. A block without loaded trips is requested again.
    #[serde(deserialize_with = "or_default")]
    pub incomplete_only: bool,
    /// Compare the portal with the database, and publish again what differs.
    #[serde(deserialize_with = "or_default")]
    pub audit: bool,
    /// Return the plan and write nothing.
    #[serde(deserialize_with = "or_default")]
    pub dry_run: bool,
    /// Leave out the step `extract`.
    #[serde(deserialize_with = "or_default")]
    pub no_extract: bool,
    /// Leave out the step `sync-db`.
    #[serde(deserialize_with = "or_default")]
    pub no_sync_db: bool,
    /// Leave out the step `sync-socrata`.
    #[serde(deserialize_with = "or_default")]
    pub no_sync_socrata: bool,
    /// How many blocks the run may work on at once.
    #[serde(deserialize_with = "optional_whole")]
    pub max_concurrency: Option<u32>,
    /// The ARN of the state machine's execution. The run's id is derived from it, so a retry of the
    /// plan does not start a second run.
    pub execution: Option<String>,
}

impl PlanRequest {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// `InvalidInput` that names the key.
    pub fn from_json(event: serde_json::Value) -> Result<Self, PipelineError> {
        read_event("plan request", event)
    }

    /// The id of the run: derived from the execution, or a new one.
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

    /// Whether the request has an `interval` that means nothing, because both of its times are
    /// given.
    #[must_use]
    pub fn ignores_interval(&self) -> bool {
        self.time_min.is_some() && self.time_max.is_some() && self.interval.is_some()
    }

    /// Refuses a request that leaves nothing to do, whatever the blocks' statuses.
    pub(crate) fn check_steps(&self) -> Result<(), PipelineError> {
        if self.no_extract && self.no_sync_db && self.no_sync_socrata {
            return Err(PipelineError::new(
                ErrorName::InvalidInput,
                "no step is left to do: leave out one of no_extract, no_sync_db and no_sync_socrata",
            ));
        }
        Ok(())
    }

    pub(crate) fn steps(&self) -> StepSelection {
        StepSelection {
            extract: !self.no_extract,
            sync_db: !self.no_sync_db,
            sync_socrata: !self.no_sync_socrata,
        }
    }
}

/// Where a run's manifest is: the parameters of the Map state's `ItemReader`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestLocation {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: String,
}

/// One block with the steps to do. The manifest holds it, and each step passes it to the next.
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
    /// Whether to do the steps whatever the block's status.
    #[serde(default, deserialize_with = "or_default")]
    pub force: bool,
    /// Whether to believe a provider that no longer returns trips that are loaded.
    #[serde(default, deserialize_with = "or_default")]
    pub accept_losses: bool,
    /// The configuration of the run. An item that an older planner wrote has none.
    #[serde(
        default,
        deserialize_with = "optional_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub config: Option<ConfigVersion>,
    /// The output of `extract`.
    #[serde(
        default,
        deserialize_with = "optional_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub extract: Option<ExtractOutput>,
    /// The output of `sync-db`.
    #[serde(
        default,
        deserialize_with = "optional_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub sync_db: Option<SyncDbOutput>,
    /// The output of `sync-socrata`.
    #[serde(
        default,
        deserialize_with = "optional_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub sync_socrata: Option<SyncSocrataOutput>,
}

impl BlockItem {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// `InvalidInput` that names the key.
    pub fn from_json(event: serde_json::Value) -> Result<Self, PipelineError> {
        read_event("block item", event)
    }

    /// The item's block.
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
    /// Number of trips that the provider returned.
    pub trip_count: u64,
    /// Number of pages that were requested.
    #[serde(default)]
    pub pages: u32,
    /// Length of the JSON in bytes, before compression and encryption; 0 if the previous archive
    /// was kept.
    #[serde(default)]
    pub payload_bytes: u64,
    /// What differs from the previous archive; `None` if there is none that can be read.
    #[serde(
        default,
        deserialize_with = "optional_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub changes: Option<Changes>,
    /// Whether the block is complete: the archive has no trips, and no trip is loaded that would
    /// have to go.
    #[serde(default)]
    pub nothing_to_load: bool,
}

impl ExtractOutput {
    /// What an extract adds that has not requested the provider for the hour.
    pub(crate) fn without_request(
        trips_key: String,
        trip_count: u64,
        nothing_to_load: bool,
    ) -> Self {
        Self {
            trips_key,
            trip_count,
            pages: 0,
            payload_bytes: 0,
            changes: None,
            nothing_to_load,
        }
    }
}

/// What `sync-db` adds to the item. `fetched = loaded + rejected + duplicates`, always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncDbOutput {
    /// Key of the object with the rows for the portal.
    pub publish_key: String,
    /// Number of trips in the archive.
    #[serde(default)]
    pub fetched: u64,
    /// Number of the block's trips in the table.
    pub loaded: u64,
    /// Number of rejected trips, which are in `rejects.json`.
    pub rejected: u64,
    /// Number of repeated deliveries of a trip in the archive.
    pub duplicates: u64,
    /// Number of trips that the block had loaded and that the archive no longer has.
    #[serde(default, skip_serializing_if = "is_none")]
    pub withdrawn: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// What `sync-socrata` adds to the item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncSocrataOutput {
    /// Number of rows that the portal created.
    pub created: u64,
    /// Number of rows that the portal updated.
    pub updated: u64,
    /// Number of rows that the portal deleted, since their trips are withdrawn.
    #[serde(default)]
    pub deleted: u64,
    /// Number of rows that the portal refused.
    pub errors: u64,
}
