//! `sync-db` as a function of AWS Lambda: loads a block's archive into Postgres.

use lambda_kit::Invocation;
use pipeline::{PipelineError, Source};
use serde_json::Value;
use trips::status::Step;

/// Takes a block item and answers it with what this step did (docs/CONTRACT.md, "Events and
/// errors").
///
/// # Errors
///
/// The step's own; one that can pass by waiting if the time of the invocation runs out.
pub async fn handle(invocation: Invocation) -> Result<Value, PipelineError> {
    lambda_kit::step(Step::SyncDb, invocation, |ctx, item| async move {
        pipeline::sync_db(&ctx, item, Source::Bucket).await
    })
    .await
}
