//! Records the outcome of a step that could not do so itself.

use std::time::Duration;

use store::{BlockEnd, Outcome};
use tokio::time::timeout;
use trips::status::Step;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::BlockItem;

/// How long it may take.
const RECORD_TIME: Duration = Duration::from_secs(5);

/// Records that a step could not begin as the block's outcome; the block's row stays as it is.
/// Nobody can record that the database is away; `mds run` does so in the end.
pub async fn record_not_begun(ctx: &Context, step: Step, item: &BlockItem, error: &PipelineError) {
    if error.name != ErrorName::DatabaseUnavailable {
        record_failure(ctx, step, item, error).await;
    }
}

/// Records the outcome of a step that could not do it itself. A failure to do so changes nothing
/// for the caller: a block without an outcome fails its run, too.
pub(crate) async fn record_failure(
    ctx: &Context,
    step: Step,
    item: &BlockItem,
    error: &PipelineError,
) {
    let recording = async {
        let end = BlockEnd {
            step,
            outcome: Outcome::Failed,
            error: Some((error.name.as_str(), error.message.as_str())),
        };
        ctx.store()
            .record_outcome(item.run_id, item.schedule_id, end)
            .await?;
        Ok(())
    };
    let recorded = timeout(RECORD_TIME, recording).await.unwrap_or_else(|_| {
        Err(PipelineError::new(
            ErrorName::DatabaseUnavailable,
            "the database did not reply in time",
        ))
    });
    if let Err(failure) = recorded {
        warn_not_recorded(&failure);
    }
}

/// Logs that the database has no record of how a step ended.
pub(crate) fn warn_not_recorded(failure: &PipelineError) {
    tracing::warn!(
        error.name = %failure.name,
        error.message = %failure.message,
        "failure of the step could not be recorded"
    );
}
