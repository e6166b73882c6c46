//! `plan-blocks` as a function of AWS Lambda: plans a run, and summarizes it when all of its blocks
//! have ended.

mod request;

use lambda_kit::{FunctionError, Invocation};
use serde_json::Value;

pub use request::Request;

/// Takes a plan request and returns the plan, takes `{"summarize": {"run_id", "config"}}` and
/// returns that run's counts, or takes `{"migrate": true}` or `{"migrate": {…}}`, migrates the
/// database and returns what it did (docs/CONTRACT.md, "Events and errors").
///
/// # Errors
///
/// Those of [`Request::read`], [`pipeline::plan()`] and [`pipeline::migrate()`]; `RunHadFailures`
/// if blocks of the run to summarize failed.
pub async fn handle(invocation: Invocation) -> Result<Value, FunctionError> {
    match Request::read(invocation.event.clone())? {
        Request::Summarize { run_id, config } => {
            lambda_kit::summarize(run_id, config.as_ref(), &invocation).await
        }
        Request::Migrate(request) => lambda_kit::migrate(&request, &invocation).await,
        Request::Plan(request) => lambda_kit::plan(&request, &invocation).await,
    }
}
