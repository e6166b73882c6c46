//! One step of one block: chosen by its name, or with a deadline.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::Instrument;
use trips::status::Step;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::BlockItem;
use crate::extract::extract;
use crate::source::Source;
use crate::span::step_span;
use crate::step::record_failure;
use crate::sync_db::sync_db;
use crate::sync_socrata::sync_socrata;

/// Does a step with the bucket's objects and returns the item with the step's output.
///
/// # Errors
///
/// Those of the step.
pub async fn run_step(
    ctx: &Context,
    step: Step,
    item: BlockItem,
) -> Result<BlockItem, PipelineError> {
    match step {
        Step::Extract => Box::pin(extract(ctx, item)).await,
        Step::SyncDb => Box::pin(sync_db(ctx, item, Source::Bucket)).await,
        Step::SyncSocrata => Box::pin(sync_socrata(ctx, item, Source::Bucket)).await,
    }
}

/// Waits until the context's deadline for `work`, which does `step` of the item's block with the
/// same context. The caller passes the work, so that a Lambda function contains the code of its own
/// step only.
///
/// At the deadline the step is dropped. Its claim and its transaction end with its connection, so
/// the block keeps its status, and the next run repeats the step.
///
/// # Errors
///
/// Those of the step; at the deadline `ProviderUnavailable`, `DatabaseUnavailable` or
/// `SocrataUnavailable`, after what the step waits for.
pub async fn step_within(
    ctx: &Context,
    step: Step,
    item: &BlockItem,
    work: impl Future<Output = Result<BlockItem, PipelineError>>,
) -> Result<BlockItem, PipelineError> {
    let Some(deadline) = ctx.deadline() else {
        return work.await;
    };
    let began = Instant::now();
    match timeout_at(deadline, work).await {
        Ok(ended) => ended,
        Err(_) => {
            let error = out_of_time(step, began.elapsed());
            record_failure(ctx, step, item, &error)
                .instrument(step_span(step, item))
                .await;
            Err(error)
        }
    }
}

fn out_of_time(step: Step, after: Duration) -> PipelineError {
    let name = match step {
        Step::Extract => ErrorName::ProviderUnavailable,
        Step::SyncDb => ErrorName::DatabaseUnavailable,
        Step::SyncSocrata => ErrorName::SocrataUnavailable,
    };
    PipelineError::new(
        name,
        format!(
            "{} had not ended after {} s, when its time ran out; nothing is lost, and a repetition does the step again. \
             A block for which a function's time never suffices is done by `mds run`",
            step.as_str(),
            after.as_secs()
        ),
    )
}
