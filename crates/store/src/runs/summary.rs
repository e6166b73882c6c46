//! [`RunSummary`]: the counts of a run's blocks and trips.

use std::iter::Sum;

use serde::{Deserialize, Serialize};
use trips::block::{Hour, ProviderName};
use uuid::Uuid;

mod read;
mod removed;
mod text;

pub use removed::RemovedBlock;

/// How many failed blocks, and how many blocks without an outcome, a summary names.
const MAX_NAMED: u32 = 10;

/// How many blocks a group of failures names.
const MAX_NAMED_IN_GROUP: u32 = 20;

/// The counts of a run's blocks by outcome, and of the trips that the run itself has moved.
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
    /// Number of blocks without an outcome: they were killed, were not begun or are still in
    /// progress.
    pub unfinished: u64,
    /// What the run has done with trips.
    #[serde(flatten)]
    pub trips: RunTrips,
    /// The same by provider, in the order of their names: those of which a block has ended or was
    /// moved.
    #[serde(default)]
    pub providers: Vec<ProviderSummary>,
    /// The failed blocks by provider, step and error.
    #[serde(default)]
    pub failures: Vec<FailureGroup>,
    /// The first failed blocks, the earliest hours first.
    pub first_failed: Vec<FailedBlock>,
    /// The first blocks without an outcome, in the order of the plan. The database does not know
    /// them, so whoever has the plan adds them.
    #[serde(default)]
    pub first_unfinished: Vec<UnfinishedBlock>,
    /// Number of blocks that the run has requested or loaded, and whose answers may lack something.
    #[serde(default)]
    pub noted: u64,
    /// The first of them, the earliest hours first.
    #[serde(default)]
    pub first_noted: Vec<NotedBlock>,
}

/// A block whose provider has answered so that something may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedBlock {
    /// The block's provider.
    pub provider: ProviderName,
    /// The block's label.
    pub label: String,
    /// What may be missing, and why.
    pub note: String,
}

/// What a run has done with trips, without what earlier runs have done with the same blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTrips {
    /// Number of trips that the providers returned.
    #[serde(default)]
    pub trips_archived: u64,
    /// Number of trips in the archives that were loaded.
    pub trips_fetched: u64,
    /// Number of trips loaded. `fetched = loaded + rejected + duplicates`.
    pub trips_loaded: u64,
    /// Number of trips rejected.
    pub trips_rejected: u64,
    /// Number of trips delivered again within a block.
    pub trips_duplicates: u64,
    /// Number of trips whose rows the portal took.
    #[serde(default)]
    pub trips_published: u64,
}

impl Sum for RunTrips {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, it| Self {
            trips_archived: sum.trips_archived + it.trips_archived,
            trips_fetched: sum.trips_fetched + it.trips_fetched,
            trips_loaded: sum.trips_loaded + it.trips_loaded,
            trips_rejected: sum.trips_rejected + it.trips_rejected,
            trips_duplicates: sum.trips_duplicates + it.trips_duplicates,
            trips_published: sum.trips_published + it.trips_published,
        })
    }
}

/// The counts of a run's blocks of one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSummary {
    /// The provider.
    pub provider: ProviderName,
    /// Number of blocks with every step done.
    pub done: u64,
    /// Number of blocks that the provider has not published yet.
    pub not_ready: u64,
    /// Number of blocks with a failed step.
    pub failed: u64,
    /// What the run has done with the provider's trips.
    #[serde(flatten)]
    pub trips: RunTrips,
}

/// The blocks of a provider whose step failed with the same error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureGroup {
    /// The provider.
    pub provider: ProviderName,
    /// The step that failed: `extract`, `sync-db` or `sync-socrata`.
    pub step: String,
    /// The error's name.
    pub error_name: Option<String>,
    /// The error's message, of the earliest of the blocks.
    pub message: Option<String>,
    /// Number of blocks.
    pub blocks: u64,
    /// The labels of the first blocks.
    pub labels: Vec<String>,
    /// The command that does their remaining steps.
    pub command: String,
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
    /// The block's label.
    #[serde(default)]
    pub label: String,
    /// The block's hour.
    pub block_start: Hour,
    /// The step that failed: `extract`, `sync-db` or `sync-socrata`.
    pub step: String,
    /// The error's name.
    pub error_name: Option<String>,
    /// The error's message.
    pub message: Option<String>,
    /// The command that does the block's remaining steps.
    #[serde(default)]
    pub command: String,
}

impl ProviderSummary {
    fn new(provider: ProviderName) -> Self {
        Self {
            provider,
            done: 0,
            not_ready: 0,
            failed: 0,
            trips: RunTrips::default(),
        }
    }
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
