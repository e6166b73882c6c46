//! `sync-socrata` as a function of AWS Lambda: publishes a loaded block to the portal.

use lambda_kit::{FunctionError, Invocation};
use pipeline::Source;
use serde_json::Value;
use trips::status::Step;

/// Takes a block item and returns it with the step's output (docs/CONTRACT.md, "Events and
/// errors").
///
/// # Errors
///
/// Those of the step; a transient one if the invocation's time runs out.
pub async fn handle(invocation: Invocation) -> Result<Value, FunctionError> {
    lambda_kit::step(Step::SyncSocrata, invocation, |ctx, item| async move {
        pipeline::sync_socrata(&ctx, item, Source::Bucket).await
    })
    .await
}
