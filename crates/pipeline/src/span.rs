//! The spans that give log lines the run and the block that they are about (docs/LOGGING.md). No
//! line repeats these fields.
//!
//! The spans have the level of errors, so that even a log of errors alone has their fields.

use tracing::Span;
use trips::block::ProviderName;
use trips::status::Step;
use uuid::Uuid;

use crate::event::BlockItem;

/// The span of one step of one block.
#[must_use]
pub fn step_span(step: Step, item: &BlockItem) -> Span {
    tracing::error_span!(
        "step",
        run_id = %item.run_id,
        step = %step.as_str(),
        block.provider = %item.provider,
        block.label = %item.label,
    )
}

/// The span of a run's plan or summary.
pub(crate) fn run_span(run_id: Uuid) -> Span {
    tracing::error_span!("run", %run_id)
}

/// The span of requests for an hour that belong to no run.
pub(crate) fn hour_span(provider: &ProviderName, label: &str) -> Span {
    tracing::error_span!(
        "hour",
        block.provider = %provider,
        block.label = %label,
    )
}
