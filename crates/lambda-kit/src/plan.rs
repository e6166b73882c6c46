//! The plan of a run and its summary, as the function `plan-blocks` returns them.

use config::{Environment, Scope};
use pipeline::{ErrorName, PipelineError, PlanRequest, to_json};
use serde_json::Value;
use tokio::time::timeout_at;
use uuid::Uuid;

use crate::error::FunctionError;
use crate::kit::Invocation;
use crate::metrics;

/// The most blocks that a run of this deployment may work on at once, whatever is requested.
const MAX_CONCURRENCY: &str = "MDS_MAX_CONCURRENCY";

fn max_concurrency(value: Option<String>) -> Result<u32, PipelineError> {
    let value = value.unwrap_or_default();
    match value.trim() {
        "" => Ok(pipeline::MAX_CONCURRENCY),
        number => number
            .parse()
            .ok()
            .filter(|cap| (1..=pipeline::MAX_CONCURRENCY).contains(cap))
            .ok_or_else(|| {
                PipelineError::new(
                    ErrorName::ConfigInvalid,
                    format!(
                        "{MAX_CONCURRENCY} must be a whole number from 1 to {}",
                        pipeline::MAX_CONCURRENCY
                    ),
                )
            }),
    }
}

/// Plans a run and returns the plan.
///
/// # Errors
///
/// Those of [`pipeline::plan()`]; `ConfigInvalid` for a malformed cap on the concurrency;
/// `DatabaseUnavailable` if the invocation's time is too short.
pub async fn plan(request: &PlanRequest, invocation: &Invocation) -> Result<Value, FunctionError> {
    if request.ignores_interval() {
        tracing::warn!("interval is ignored, because time_min and time_max are both given");
    }
    let cap = max_concurrency(std::env::var(MAX_CONCURRENCY).ok())?;
    let scope = if request.audit {
        Scope::Audit
    } else {
        Scope::Plan
    };
    let ctx = invocation.contexts.current(scope).await?;
    let planning = Box::pin(pipeline::plan(&ctx, request, |_| {}));
    let mut plan = timeout_at(invocation.deadline, planning)
        .await
        .map_err(|_| {
            PipelineError::new(
                ErrorName::DatabaseUnavailable,
                "the plan was not ready when the function's time ran out; nothing has begun, and a repetition finds \
                 the schedule rows that were made. If it happens again, plan a shorter range",
            )
        })??;
    plan.cap_concurrency(cap);
    metrics::plan(&ctx, &plan);
    Ok(to_json(&plan)?)
}

/// Migrates the database, and returns the versions that were applied and the version that the
/// tables have now.
///
/// # Errors
///
/// Those of [`pipeline::migrate()`]; `DatabaseUnavailable` if the invocation's time is too short.
pub async fn migrate(invocation: &Invocation) -> Result<Value, FunctionError> {
    let env = Environment::from_process().map_err(PipelineError::from)?;
    let config = Box::pin(config::load_for(env, Scope::Migrate, None))
        .await
        .map_err(PipelineError::from)?;
    let migrating = Box::pin(pipeline::migrate(&config));
    let migrated = timeout_at(invocation.deadline, migrating)
        .await
        .map_err(|_| {
            PipelineError::new(
                ErrorName::DatabaseUnavailable,
                "the database was not migrated when the function's time ran out; the migration that was cut off has \
                 changed nothing. Run `mds migrate` on a machine that reaches the database",
            )
        })??;
    Ok(to_json(&migrated)?)
}

/// Returns a run's counts.
///
/// # Errors
///
/// Those of [`pipeline::summarize()`]; `DatabaseUnavailable` if the invocation's time is too short.
pub async fn summarize(run_id: Uuid, invocation: &Invocation) -> Result<Value, FunctionError> {
    let ctx = invocation.contexts.of_run(Scope::Plan, None).await?;
    let summarizing = Box::pin(pipeline::summarize(&ctx, run_id));
    let summarized = timeout_at(invocation.deadline, summarizing)
        .await
        .map_err(|_| {
            PipelineError::new(
                ErrorName::DatabaseUnavailable,
                "the run's blocks were not counted when the function's time ran out; a repetition counts them again",
            )
        })?;
    Ok(to_json(&summarized.map_err(with_the_way_out)?)?)
}

/// The console offers a redrive first, which finds the same outcomes of the same blocks.
fn with_the_way_out(mut error: PipelineError) -> PipelineError {
    if error.name == ErrorName::RunHadFailures {
        error.message += ". Start a new execution with \"incomplete_only\": a redrive of this one only counts its blocks again";
    }
    error
}
