//! One step of one block: by its name, or within a time.

use std::time::Duration;

use store::Outcome;
use tokio::time::{Instant, timeout, timeout_at};
use trips::status::Step;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::BlockItem;
use crate::extract::extract;
use crate::source::Source;
use crate::sync_db::sync_db;
use crate::sync_socrata::sync_socrata;

/// How long writing down that the time ran out may take.
const RECORD_TIME: Duration = Duration::from_secs(5);

/// Does a step with the bucket's objects and answers the item with what it did.
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

/// Waits for `work`, which does a step of this block, until the deadline. The work is given, not
/// chosen here by the step's name, so that a function holds the code of its own step only.
///
/// A step that has not ended by then is given up: its claim and its transaction go with its
/// connection, so the block keeps the status that it had, and the step can be repeated by whoever
/// comes next.
///
/// # Errors
///
/// Those of the step; at the deadline `ProviderUnavailable`, `DatabaseUnavailable` or
/// `SocrataUnavailable`, after what the step waits for.
pub async fn step_within(
    deadline: Instant,
    ctx: &Context,
    step: Step,
    item: &BlockItem,
    work: impl Future<Output = Result<BlockItem, PipelineError>>,
) -> Result<BlockItem, PipelineError> {
    let began = Instant::now();
    match timeout_at(deadline, work).await {
        Ok(ended) => ended,
        Err(_) => {
            let error = cut_off(step, began.elapsed());
            record(ctx, step, item, &error).await;
            Err(error)
        }
    }
}

fn cut_off(step: Step, after: Duration) -> PipelineError {
    let name = match step {
        Step::Extract => ErrorName::ProviderUnavailable,
        Step::SyncDb => ErrorName::DatabaseUnavailable,
        Step::SyncSocrata => ErrorName::SocrataUnavailable,
    };
    PipelineError::new(
        name,
        format!(
            "{} had not ended after {} s, when the function's time ran out; nothing is lost, and a repetition does the \
             step again. If it never suffices, give the function more time",
            step.as_str(),
            after.as_secs()
        ),
    )
}

/// The step could not write its own end down, so that is done for it. Whether it succeeds changes
/// nothing for the caller: a block that never reported back fails its run, too.
async fn record(ctx: &Context, step: Step, item: &BlockItem, error: &PipelineError) {
    let record = async {
        if ctx.store().run_planned_at(item.run_id).await?.is_none() {
            return Ok(());
        }
        let why = Some((error.name.as_str(), error.message.as_str()));
        ctx.store()
            .record_outcome(item.run_id, item.schedule_id, step, Outcome::Failed, why)
            .await
    };
    let problem = match timeout(RECORD_TIME, record).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the database did not answer in time".to_owned(),
    };
    tracing::warn!(
        run_id = %item.run_id,
        block.provider = %item.provider,
        block.label = %item.label,
        error = problem,
        "failure of the step could not be written down"
    );
}
