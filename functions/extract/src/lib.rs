//! `extract` as a function of AWS Lambda: pulls a block's hour from its provider into the archive.

use lambda_kit::{FunctionError, Invocation};
use serde_json::Value;
use trips::status::Step;

/// Takes a block item and returns it with the step's output (docs/CONTRACT.md, "Events and
/// errors").
///
/// # Errors
///
/// Those of the step; a transient one if the invocation's time runs out.
pub async fn handle(invocation: Invocation) -> Result<Value, FunctionError> {
    lambda_kit::step(Step::Extract, invocation, |ctx, item| async move {
        pipeline::extract(&ctx, item).await
    })
    .await
}
