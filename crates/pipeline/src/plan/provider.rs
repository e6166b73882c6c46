//! What a plan has found of one provider.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use trips::block::ProviderName;
use trips::status::BlockStatus;

use super::nothing::LeftOut;
use super::ranges::ProviderRange;

/// The counts of a provider's blocks in a plan's range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedProvider {
    /// The provider's short name.
    pub provider: ProviderName,
    /// Number of blocks with steps to do.
    pub block_count: u64,
    /// The same by the blocks' status now.
    #[serde(serialize_with = "by_name")]
    pub to_do: BTreeMap<BlockStatus, u64>,
    /// Number of blocks whose steps are done, by their status.
    #[serde(serialize_with = "by_name")]
    pub done: BTreeMap<BlockStatus, u64>,
    /// Number of blocks left out because they have no archive.
    pub not_archived: u64,
    /// Number of blocks left out because they are not loaded.
    pub not_loaded: u64,
    /// Number of hours left out because they have not ended.
    pub not_ended: u64,
    /// Number of hours left out because they are before the provider's start.
    pub before_start: u64,
}

impl PlannedProvider {
    pub(super) fn new(provider: ProviderName) -> Self {
        Self {
            provider,
            block_count: 0,
            to_do: BTreeMap::new(),
            done: BTreeMap::new(),
            not_archived: 0,
            not_loaded: 0,
            not_ended: 0,
            before_start: 0,
        }
    }

    pub(super) fn of(range: &ProviderRange<'_>) -> Self {
        Self {
            not_ended: range.hours.not_ended,
            before_start: range.before_start,
            ..Self::new(range.provider.name.clone())
        }
    }

    /// Counts a block with steps to do.
    pub(super) fn add(&mut self, status: BlockStatus) {
        self.block_count += 1;
        *self.to_do.entry(status).or_default() += 1;
    }

    pub(super) fn leave_out(&mut self, status: BlockStatus, why: LeftOut) {
        match why {
            LeftOut::Done => *self.done.entry(status).or_default() += 1,
            LeftOut::NotArchived => self.not_archived += 1,
            LeftOut::NotLoaded => self.not_loaded += 1,
        }
    }

    /// Number of blocks whose steps are done.
    #[must_use]
    pub fn done_count(&self) -> u64 {
        self.done.values().sum()
    }
}

fn by_name<S: Serializer>(
    counts: &BTreeMap<BlockStatus, u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(status, n)| (status.as_str(), n)))
}
