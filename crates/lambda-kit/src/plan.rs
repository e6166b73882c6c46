use pipeline::{ErrorName, PipelineError, PlanRequest};
use serde_json::Value;
use tokio::time::timeout_at;
use uuid::Uuid;

use crate::kit::Invocation;
use crate::metrics;
use crate::step::answer;

/// Plans a run and answers the plan.
///
/// # Errors
///
/// Those of [`pipeline::plan()`]; `DatabaseUnavailable` if the invocation's time is not enough.
pub async fn plan(request: &PlanRequest, invocation: &Invocation) -> Result<Value, PipelineError> {
    let planning = Box::pin(pipeline::plan(&invocation.ctx, request, |_| {}));
    let plan = timeout_at(invocation.deadline, planning)
        .await
        .map_err(|_| {
            PipelineError::new(
                ErrorName::DatabaseUnavailable,
                "the plan was not ready when the function's time ran out; nothing has begun, and a repetition finds \
                 the schedule rows that were made. If it happens again, plan a shorter range",
            )
        })??;
    metrics::plan(&invocation.ctx, &plan);
    answer(&plan)
}

/// Answers the counts of a run.
///
/// # Errors
///
/// Those of [`pipeline::summarize()`].
pub async fn summarize(run_id: Uuid, invocation: &Invocation) -> Result<Value, PipelineError> {
    let summary = pipeline::summarize(&invocation.ctx, run_id).await?;
    tracing::info!(
        run_id = %run_id,
        blocks.done = summary.done,
        blocks.not_ready = summary.not_ready,
        "run ended well"
    );
    answer(&summary)
}
