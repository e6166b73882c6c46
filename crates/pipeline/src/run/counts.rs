//! How many blocks of a run have ended, and how: what the run knows without the database.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use trips::words::counted;

use super::types::BlockOutcome;
use crate::error::PipelineError;

/// The blocks that have ended so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    done: AtomicU64,
    not_ready: AtomicU64,
    failed: AtomicU64,
    not_begun: AtomicU64,
}

impl Counts {
    pub(super) fn add(&self, outcome: &BlockOutcome) {
        let count = match outcome {
            BlockOutcome::Done(_) => &self.done,
            BlockOutcome::NotReady(..) => &self.not_ready,
            BlockOutcome::Failed(..) => &self.failed,
            BlockOutcome::Cancelled(_) => &self.not_begun,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Blocks with steps that were not begun.
    pub(super) fn not_begun(&self) -> u64 {
        self.not_begun.load(Ordering::Relaxed)
    }

    /// The error of a run whose summary cannot be read: what has ended all the same, and how to go
    /// on.
    pub(super) fn without_summary(&self, mut error: PipelineError) -> PipelineError {
        error.message = format!(
            "the summary of the run cannot be read: {}; {self}, and the same command continues",
            error.message
        );
        error
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        write!(
            f,
            "{} done",
            counted(of(&self.done), "block").with("is", "are")
        )?;
        let not_ready = of(&self.not_ready);
        if not_ready > 0 {
            write!(f, ", {not_ready} not published by the provider yet")?;
        }
        write!(
            f,
            ", {} failed, {} left as they were",
            of(&self.failed),
            self.not_begun()
        )
    }
}
