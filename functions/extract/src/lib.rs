//! `extract` as a function of AWS Lambda: pulls a block's hour from its provider into the archive.

use lambda_kit::Invocation;
use pipeline::PipelineError;
use serde_json::Value;
use trips::status::Step;

/// Takes a block item and answers it with what this step did (docs/CONTRACT.md, "Events and
/// errors").
///
/// # Errors
///
/// The step's own; one that can pass by waiting if the time of the invocation runs out.
pub async fn handle(invocation: Invocation) -> Result<Value, PipelineError> {
    lambda_kit::step(Step::Extract, invocation, |ctx, item| async move {
        pipeline::extract(&ctx, item).await
    })
    .await
}
