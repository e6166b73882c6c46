//! [`Entry`]: what the portal must receive after a load, and what the block's row tells of it.

use chrono::{DateTime, Utc};
use trips::status::BlockStatus;

use super::LoadCounts;
use crate::publications::Entered;

/// What a load enters for the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The rows that it enters.
    pub(super) entered: Entered,
    /// Whether the portal must receive rows because of this load.
    pub(super) must_publish: bool,
    /// Whether the portal needs nothing, and the trips are loaded: a block that was published
    /// before still is.
    pub(super) may_be_published: bool,
    /// The block's status while the portal needs something of it; `None` if that makes no
    /// difference.
    pub(super) while_pending: Option<BlockStatus>,
}

impl Entry {
    /// `republishes` says whether rows that stay are to be sent again and there are some.
    /// `moved_since` is when the portal received the oldest of the trips that became the block's
    /// own as they were.
    pub(super) fn of(
        counts: &LoadCounts,
        republishes: bool,
        moved_since: Option<DateTime<Utc>>,
    ) -> Self {
        let has_changed = counts.inserted + counts.updated + counts.withdrawn > 0;
        // A load that rejects every trip has nothing to publish again.
        let is_rejected = counts.status == BlockStatus::AllRejected;
        let republishes = republishes && !is_rejected;
        let must_publish = republishes || has_changed || moved_since.is_some();
        let entered = match (republishes, must_publish) {
            (true, _) => Entered::All,
            (false, false) if is_rejected => Entered::Nothing,
            (false, _) => Entered::Changed {
                since: moved_since,
                now: has_changed,
            },
        };
        Self {
            entered,
            must_publish,
            may_be_published: !must_publish && counts.status.is_loaded(),
            // A block without trips counts as loaded until the portal has lost its earlier ones,
            // too.
            while_pending: (counts.status == BlockStatus::NoTrips).then_some(BlockStatus::Loaded),
        }
    }
}

#[cfg(test)]
mod tests;
