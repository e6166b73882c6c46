//! The status page in the bucket.

use trips::block::Stage;
use vault::Seal;

use crate::context::Context;
use crate::error::PipelineError;

/// The key of the status page of a stage.
#[must_use]
pub fn status_page_key(stage: Stage) -> String {
    format!("{stage}/status.html")
}

/// Writes the status page into the bucket, as plain HTML: it holds no trip and no secret. Returns
/// its key.
///
/// # Errors
///
/// `StorageUnavailable`.
pub async fn put_status_page(ctx: &Context, page: &str) -> Result<String, PipelineError> {
    let key = status_page_key(ctx.config().env.stage);
    ctx.vault()
        .put_bytes(&key, page.as_bytes(), Seal::Plain)
        .await?;
    Ok(key)
}
