//! `summarize`: how a run ended, block by block.

use store::RunSummary;
use tracing::Instrument;
use uuid::Uuid;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::span::run_span;

/// Counts a run's blocks by outcome.
///
/// # Errors
///
/// `RunHadFailures` with the counts and the first failed blocks, if any block failed or has no
/// outcome; `InvalidInput` if there is no such run.
pub async fn summarize(ctx: &Context, run_id: Uuid) -> Result<RunSummary, PipelineError> {
    count_outcomes(ctx, run_id)
        .instrument(run_span(run_id))
        .await
}

async fn count_outcomes(ctx: &Context, run_id: Uuid) -> Result<RunSummary, PipelineError> {
    let summary = ctx.store().run_summary(run_id).await?.ok_or_else(|| {
        PipelineError::new(
            ErrorName::InvalidInput,
            format!("there is no run {run_id} in api.runs"),
        )
    })?;
    if !summary.is_success() {
        return Err(PipelineError::new(
            ErrorName::RunHadFailures,
            summary.to_string(),
        ));
    }
    tracing::info!(
        blocks.done = summary.done,
        blocks.not_ready = summary.not_ready,
        "run succeeded"
    );
    Ok(summary)
}
