//! The plan of a run and its summary, as the function `plan-blocks` returns them.

use pipeline::{ErrorName, PipelineError, PlanRequest, to_json};
use serde_json::Value;
use tokio::time::timeout_at;
use uuid::Uuid;

use crate::error::FunctionError;
use crate::kit::Invocation;
use crate::metrics;

/// Plans a run and returns the plan.
///
/// # Errors
///
/// Those of [`pipeline::plan()`]; `DatabaseUnavailable` if the invocation's time is too short.
pub async fn plan(request: &PlanRequest, invocation: &Invocation) -> Result<Value, FunctionError> {
    if request.ignores_interval() {
        tracing::warn!("interval is ignored, because time_min and time_max are both given");
    }
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
    Ok(to_json(&plan)?)
}

/// Returns a run's counts.
///
/// # Errors
///
/// Those of [`pipeline::summarize()`]; `DatabaseUnavailable` if the invocation's time is too short.
pub async fn summarize(run_id: Uuid, invocation: &Invocation) -> Result<Value, FunctionError> {
    let summarizing = Box::pin(pipeline::summarize(&invocation.ctx, run_id));
    let summary = timeout_at(invocation.deadline, summarizing)
        .await
        .map_err(|_| {
            PipelineError::new(
                ErrorName::DatabaseUnavailable,
                "the run's blocks were not counted when the function's time ran out; a repetition counts them again",
            )
        })??;
    Ok(to_json(&summary)?)
}
