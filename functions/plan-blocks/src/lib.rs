//! `plan-blocks` as a function of AWS Lambda: plans a run, and summarizes it when all of its blocks
//! have ended.

use lambda_kit::{FunctionError, Invocation};
use pipeline::{ErrorName, PipelineError, PlanRequest};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SummarizeEvent {
    summarize: Summarize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MigrateEvent {
    migrate: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Summarize {
    run_id: Uuid,
}

/// Takes a plan request and returns the plan, takes `{"summarize": {"run_id"}}` and returns that
/// run's counts, or takes `{"migrate": true}`, migrates the database and returns what it did
/// (docs/CONTRACT.md, "Events and errors").
///
/// # Errors
///
/// Those of [`pipeline::plan()`] and [`pipeline::migrate()`]; `RunHadFailures` if blocks of the run
/// to summarize failed.
pub async fn handle(invocation: Invocation) -> Result<Value, FunctionError> {
    if invocation.event.get("summarize").is_some() {
        let event: SummarizeEvent = serde_json::from_value(invocation.event.clone())
            .map_err(|e| PipelineError::new(ErrorName::InvalidInput, format!("summarize: {e}")))?;
        return lambda_kit::summarize(event.summarize.run_id, &invocation).await;
    }
    if invocation.event.get("migrate").is_some() {
        let event: MigrateEvent = serde_json::from_value(invocation.event.clone())
            .map_err(|e| PipelineError::new(ErrorName::InvalidInput, format!("migrate: {e}")))?;
        if !event.migrate {
            let error = PipelineError::new(ErrorName::InvalidInput, "migrate: must be true");
            return Err(error.into());
        }
        return lambda_kit::migrate(&invocation).await;
    }
    let request = PlanRequest::from_json(invocation.event.clone())?;
    lambda_kit::plan(&request, &invocation).await
}
