//! How long vehicles and telemetry may take, once the trips of an hour are archived.

use std::time::Duration;

use tokio::time::Instant;

/// The longest time, however much the step has left: the trips wait to be loaded.
const MAX_TIME: Duration = Duration::from_secs(10 * 60);
/// The part of the step's time that is kept for what follows: one in five.
const KEPT: u32 = 5;

/// The time in which everything that 2.0 keeps apart from trips is requested. What does not fit is
/// left to later blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct SideTime {
    ends_at: Instant,
}

impl SideTime {
    /// Begins now, in a step that has this much time left.
    pub(super) fn begin(step_left: Duration) -> Self {
        let usable = step_left - step_left / KEPT;
        Self {
            ends_at: Instant::now() + usable.min(MAX_TIME),
        }
    }

    /// When the first of `shares` equal parts of what is left ends.
    pub(super) fn share(self, shares: u32) -> Instant {
        let now = Instant::now();
        now + self.ends_at.saturating_duration_since(now) / shares
    }

    /// When the time ends.
    pub(super) fn end(self) -> Instant {
        self.ends_at
    }
}

#[cfg(test)]
mod tests;
