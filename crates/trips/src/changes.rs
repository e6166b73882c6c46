//! What changed between two answers for the same block.

use serde::{Deserialize, Serialize};

/// How two answers for the same block differ, in trips.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Trips that only the later answer has.
    pub new: u64,
    /// Trips that both answers have, with different content.
    pub changed: u64,
    /// Trips that only the earlier answer has.
    pub gone: u64,
}

impl Changes {
    /// Whether both answers have the same trips.
    #[must_use]
    pub fn are_none(self) -> bool {
        self == Self::default()
    }
}
