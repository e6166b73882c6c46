//! The status page, which is written into the bucket at the end of each sweep and audit.

use pipeline::{Context, ErrorName, PipelineError, StatusRequest};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

/// Writes the page if this was a sweep or an audit. A run that succeeded does not fail because of a
/// page.
pub(crate) async fn write_after(ctx: &Context, run_id: Uuid, deadline: Instant) {
    let writing = async {
        if !ctx.store().is_nightly_run(run_id).await? {
            return Ok(());
        }
        write(ctx).await
    };
    let written = timeout_at(deadline, Box::pin(writing));
    let written = written.await.unwrap_or_else(|_| {
        Err(PipelineError::new(
            ErrorName::DatabaseUnavailable,
            "the function's time ran out",
        ))
    });
    if let Err(error) = written {
        tracing::warn!(
            error.name = %error.name,
            error.message = %error.message,
            "the status page was not written; the bucket keeps the one before"
        );
    }
}

async fn write(ctx: &Context) -> Result<(), PipelineError> {
    let report = pipeline::status_report(ctx, &StatusRequest::default()).await?;
    let page = pages::status(&report, ctx.zone())
        .map_err(|error| PipelineError::new(ErrorName::Internal, error.to_string()))?;
    let key = pipeline::put_status_page(ctx, &page).await?;
    tracing::info!(s3.key = key, "status page written");
    Ok(())
}
