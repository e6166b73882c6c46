//! `summarize`: how a run ended, block by block.

use store::RunSummary;
use uuid::Uuid;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};

/// Counts a run's blocks by outcome.
///
/// # Errors
///
/// `RunHadFailures` with the counts and the first failed blocks if any block failed or never
/// reported back; `InvalidInput` if there is no such run.
pub async fn summarize(ctx: &Context, run_id: Uuid) -> Result<RunSummary, PipelineError> {
    let summary = ctx.store().run_summary(run_id).await?.ok_or_else(|| {
        PipelineError::new(
            ErrorName::InvalidInput,
            format!("there is no run {run_id} in api.runs"),
        )
    })?;
    if summary.is_success() {
        return Ok(summary);
    }
    Err(PipelineError::new(
        ErrorName::RunHadFailures,
        summary.to_string(),
    ))
}
