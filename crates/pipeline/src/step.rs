//! The skeleton of the three steps: claim the block, skip a step that is complete, work, and record
//! how the step ended.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use store::{BlockEnd, Busy, Claim, Outcome, StoreError};
use tokio::time::{Instant, sleep};
use tracing::Instrument;
use trips::block::{Block, BlockObject};
use trips::status::{BlockStatus, Step};

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::BlockItem;
use crate::run::failures::outcome;
use crate::span::step_span;

mod record;

pub use self::record::record_not_begun;
pub(crate) use self::record::{record_failure, warn_not_recorded};

/// How long a step waits for another run that works on the same block before it gives up with
/// `BlockBusy`.
const CLAIM_WAIT: Duration = Duration::from_secs(5);
const CLAIM_POLL: Duration = Duration::from_millis(250);

/// The longest time of a step whose caller sets no deadline.
pub(crate) const MAX_STEP_TIME: Duration = Duration::from_secs(60 * 60);

/// What one step does differently from the others.
pub(crate) trait BlockStep: Sized {
    /// Which step this is.
    const STEP: Step;
    /// What the step adds to the block's item.
    type Output;

    /// Returns the output of a step that has no work to do, and `None` if there is work.
    fn output_without_work(&self, step: &ClaimedStep<'_>) -> Option<Self::Output>;

    /// Does the work and changes the block's status.
    fn work(
        self,
        step: &mut ClaimedStep<'_>,
    ) -> impl Future<Output = Result<Self::Output, PipelineError>> + Send;

    /// The status of a block in which the work failed; `None` if the step had nothing to work on,
    /// so that the row stays as it is.
    fn status_after(error: ErrorName, step: &ClaimedStep<'_>) -> Option<BlockStatus>;

    /// Whether a block with this status is complete after the step, whatever its item lists.
    fn is_end_of_block(status: BlockStatus) -> bool;

    /// Adds the output to the item.
    fn add_to(item: &mut BlockItem, output: Self::Output);
}

/// Does one step of a block and returns the item with the step's output.
pub(crate) async fn do_step<S: BlockStep>(
    ctx: &Context,
    mut item: BlockItem,
    work: S,
) -> Result<BlockItem, PipelineError> {
    let span = step_span(S::STEP, &item);
    // A panic of the work is recorded by `claim_and_work`; this finds one around it.
    let output = without_panic(Box::pin(claim_and_work(ctx, &item, work)))
        .instrument(span)
        .await?;
    S::add_to(&mut item, output);
    Ok(item)
}

async fn claim_and_work<S: BlockStep>(
    ctx: &Context,
    item: &BlockItem,
    work: S,
) -> Result<S::Output, PipelineError> {
    let begun = match ctx.refresh_keys().await {
        Ok(()) => ClaimedStep::begin(ctx, item, S::STEP).await,
        Err(error) => Err(error),
    };
    let mut step = match begun {
        Ok(step) => step,
        Err(error) => {
            record_not_begun(ctx, S::STEP, item, &error).await;
            return Err(error);
        }
    };
    let ended = if let Some(output) = work.output_without_work(&step) {
        tracing::info!("step has nothing to do");
        Ok(output)
    } else {
        without_panic(work.work(&mut step)).await
    };
    match ended {
        Ok(output) => {
            let is_end_of_block = S::is_end_of_block(step.status());
            step.succeed(is_end_of_block).await?;
            Ok(output)
        }
        Err(error) => {
            let status = status_after::<S>(&error, &step);
            Err(step.fail(status, error).await)
        }
    }
}

/// A step that waited in vain for its turn has not begun, so it changes nothing.
fn status_after<S: BlockStep>(
    error: &PipelineError,
    step: &ClaimedStep<'_>,
) -> Option<BlockStatus> {
    if error.before_start || error.name == ErrorName::BlockBusy {
        return None;
    }
    S::status_after(error.name, step)
}

/// Turns a panic into an error, so that it fails this block and not the whole run.
///
/// A panic leaves nothing half done: the transaction is rolled back, and an object appears in the
/// bucket only when it is complete. In a Lambda function a panic ends the process instead, and the
/// state machine repeats the step.
pub(crate) async fn without_panic<T>(
    work: impl Future<Output = Result<T, PipelineError>>,
) -> Result<T, PipelineError> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(PipelineError::panicked("the step")))
}

/// A step of a claimed block: nobody else changes the block's row, objects or trips until this is
/// released.
pub(crate) struct ClaimedStep<'a> {
    pub(crate) ctx: &'a Context,
    pub(crate) item: &'a BlockItem,
    pub(crate) block: Block,
    pub(crate) claim: Claim,
    step: Step,
    /// When the run was planned; `None` for an item that is not of a plan.
    planned_at: Option<DateTime<Utc>>,
    deadline: Instant,
}

impl<'a> ClaimedStep<'a> {
    async fn begin(
        ctx: &'a Context,
        item: &'a BlockItem,
        step: Step,
    ) -> Result<Self, PipelineError> {
        let deadline = step_deadline(ctx);
        let block = item.block()?;
        let claim = claim(ctx, item, deadline).await?;
        let row = claim.row();
        let claimed = Block {
            provider: row.provider.clone(),
            hour: row.hour,
        };
        check_same_block(item, &claimed)?;
        let planned_at = claim.run_planned_at();
        Ok(Self {
            ctx,
            item,
            block,
            claim,
            step,
            planned_at,
            deadline,
        })
    }

    /// How much time the step has left until its caller drops it. Nothing that it waits for may
    /// take longer.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The block's status now.
    pub(crate) fn status(&self) -> BlockStatus {
        self.claim.row().status
    }

    /// The key of one of the block's objects.
    pub(crate) fn key(&self, object: BlockObject) -> String {
        self.ctx.key(&self.block, object)
    }

    /// Whether this step is done: by another run since ours was planned, or because the steps of
    /// the item before it left it done, since they set the status back if they change its input.
    ///
    /// For the item's first step the status alone does not tell: a sweep plans a block with no
    /// trips from the start again. All times are the database's.
    pub(crate) fn is_done_already(&self) -> bool {
        let Some(planned_at) = self.planned_at.filter(|_| !self.item.force) else {
            return false;
        };
        let row = self.claim.row();
        let done_at = match self.step {
            Step::Extract => row.extracted_at,
            Step::SyncDb => row.loaded_at,
            Step::SyncSocrata => row.published_at,
        };
        let follows_another = self.item.steps.first() != Some(&self.step);
        // An adopted archive has the time of a request from long ago.
        let is_adopted_since =
            self.step == Step::Extract && row.is_adopted() && row.updated_at > planned_at;
        let is_done_since = is_adopted_since || done_at.is_some_and(|done_at| done_at > planned_at);
        self.status().has_done(self.step) && (follows_another || is_done_since)
    }

    /// Releases the block; records its outcome if this was the item's last step.
    async fn succeed(self, is_end_of_block: bool) -> Result<(), PipelineError> {
        if is_end_of_block || self.item.steps.last() == Some(&self.step) {
            return Ok(self.release_with(Outcome::Done, None).await?);
        }
        Ok(self.claim.release().await?)
    }

    /// Records the failure as the block's outcome and, if there is a `status`, in the block's row;
    /// releases the block and returns the error.
    ///
    /// If that fails too, the first error is the one that matters.
    async fn fail(mut self, status: Option<BlockStatus>, error: PipelineError) -> PipelineError {
        let outcome = outcome(error.name);
        let run_id = self.item.run_id;
        let recorded = async {
            if let Some(status) = status {
                self.claim
                    .mark_failed(status, run_id, error.name.as_str(), &error.message)
                    .await?;
            }
            self.release_with(outcome, Some(&error)).await
        };
        if let Err(failure) = recorded.await {
            warn_not_recorded(&failure.into());
        }
        error
    }

    /// Records the block's outcome and releases it.
    async fn release_with(
        self,
        outcome: Outcome,
        error: Option<&PipelineError>,
    ) -> Result<(), StoreError> {
        let why = error.map(|e| (e.name.as_str(), e.message.as_str()));
        self.claim
            .release_with(
                self.item.run_id,
                BlockEnd {
                    step: self.step,
                    outcome,
                    error: why,
                },
            )
            .await
    }
}

/// A block that another run holds, or that the schedule does not have, under its name. The database
/// knows only its number.
fn named(item: &BlockItem, error: StoreError) -> PipelineError {
    match error {
        StoreError::Busy {
            what: Busy::Block { .. },
        } => PipelineError::new(
            ErrorName::BlockBusy,
            format!(
                "{} {} is being worked on by another run; try again in a while",
                item.provider, item.label
            ),
        ),
        StoreError::UnknownBlock { schedule_id } => PipelineError::new(
            ErrorName::InvalidInput,
            format!(
                "{} {} is no longer in the schedule: `mds schedule forget` has removed it since it was planned, or \
                 nobody has planned it (schedule_id {schedule_id}); plan it again",
                item.provider, item.label
            ),
        ),
        other => other.into(),
    }
}

pub(crate) async fn claim(
    ctx: &Context,
    item: &BlockItem,
    deadline: Instant,
) -> Result<Claim, PipelineError> {
    let until = deadline.min(Instant::now() + CLAIM_WAIT);
    loop {
        let claimed = ctx.store().claim_in_run(item.schedule_id, item.run_id);
        match claimed.await {
            Err(StoreError::Busy { .. }) if Instant::now() < until => sleep(CLAIM_POLL).await,
            claimed => return claimed.map_err(|error| named(item, error)),
        }
    }
}

/// When a step must have ended.
pub(crate) fn step_deadline(ctx: &Context) -> Instant {
    ctx.deadline()
        .unwrap_or_else(|| Instant::now() + MAX_STEP_TIME)
}

/// Checks that the item's `schedule_id` is that of its block, which the schedule says is `found`:
/// another one would load trips into the wrong hour.
pub(crate) fn check_same_block(item: &BlockItem, found: &Block) -> Result<(), PipelineError> {
    if *found == item.block()? {
        return Ok(());
    }
    Err(PipelineError::new(
        ErrorName::InvalidInput,
        format!(
            "schedule_id {} is not the block {} of {}",
            item.schedule_id, item.label, item.provider
        ),
    ))
}

#[cfg(test)]
mod tests;
