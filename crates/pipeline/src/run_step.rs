//! One step of one block: chosen by its name, or with a deadline.

use std::time::Duration;

use store::Outcome;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;
use trips::status::Step;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::BlockItem;
use crate::extract::extract;
use crate::source::Source;
use crate::span::step_span;
use crate::step::warn_not_recorded;
use crate::sync_db::sync_db;
use crate::sync_socrata::sync_socrata;

/// How long [`step_within`] may take to record that the time ran out.
const RECORD_TIME: Duration = Duration::from_secs(5);

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
             If a function's time never suffices, give the function more",
            step.as_str(),
            after.as_secs()
        ),
    )
}

/// Records the outcome of a step that could not do it itself. A failure to do so changes nothing
/// for the caller: a block without an outcome fails its run, too.
async fn record_failure(ctx: &Context, step: Step, item: &BlockItem, error: &PipelineError) {
    let recording = async {
        if ctx.store().run_planned_at(item.run_id).await?.is_none() {
            return Ok(());
        }
        let why = Some((error.name.as_str(), error.message.as_str()));
        ctx.store()
            .record_outcome(item.run_id, item.schedule_id, step, Outcome::Failed, why)
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
