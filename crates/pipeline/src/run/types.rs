//! What a run is given, and how it and its blocks end.

use store::RunSummary;
use tokio_util::sync::CancellationToken;

use super::health::GaveUp;
use crate::error::PipelineError;
use crate::event::BlockItem;

/// How to carry out a run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// How many blocks are pulled and loaded at once; at least 1. Each takes a database connection,
    /// and publishing takes one.
    pub concurrency: usize,
    /// Once it is cancelled, no further step begins; the steps that have begun end first.
    pub cancel: CancellationToken,
}

/// How one block ended.
#[derive(Debug)]
pub enum BlockOutcome {
    /// All of the item's steps are done.
    Done(BlockItem),
    /// The provider has not published it yet; a later run requests it again.
    NotReady(BlockItem, PipelineError),
    /// A step failed.
    Failed(BlockItem, PipelineError),
    /// The run was cancelled before its next step.
    Cancelled(BlockItem),
}

/// How a run ended.
#[derive(Debug)]
pub struct RunEnd {
    /// The counts of its blocks.
    pub summary: RunSummary,
    /// Why the run has stopped before its end, if something that every block needs cannot be used.
    pub gave_up: Option<GaveUp>,
    /// Number of blocks with steps that were not begun.
    pub not_begun: u64,
}

/// Receives each block as it ends, for a progress bar or a log.
pub trait RunObserver: Send + Sync {
    /// A block has ended.
    fn block_ended(&self, outcome: &BlockOutcome);
}
