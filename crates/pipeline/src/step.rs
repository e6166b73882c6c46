//! What the three steps have in common: the claim on the block, the look at what is done already,
//! and the record of how the step ended.

use std::time::Duration;

use chrono::{DateTime, Utc};
use store::{Claim, Outcome, StoreError};
use tokio::time::{Instant, sleep};
use trips::status::{BlockStatus, Step};

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::BlockItem;

/// How long a step waits for another run's step on the same block before it gives up with
/// `BlockBusy`.
const CLAIM_WAIT: Duration = Duration::from_secs(5);
const CLAIM_POLL: Duration = Duration::from_millis(250);

/// A claimed block: nobody else changes its row, its objects or its trips until this is released.
pub(crate) struct ClaimedStep<'a> {
    ctx: &'a Context,
    item: &'a BlockItem,
    step: Step,
    pub(crate) claim: Claim,
    /// When the run was planned; `None` for an item that no plan of ours made.
    planned_at: Option<DateTime<Utc>>,
}

impl<'a> ClaimedStep<'a> {
    pub(crate) async fn begin(
        ctx: &'a Context,
        item: &'a BlockItem,
        step: Step,
    ) -> Result<Self, PipelineError> {
        let claim = claim(ctx, item.schedule_id).await?;
        check_same_block(item, &claim)?;
        let planned_at = ctx.store().run_planned_at(item.run_id).await?;
        Ok(Self {
            ctx,
            item,
            step,
            claim,
            planned_at,
        })
    }

    pub(crate) fn status(&self) -> BlockStatus {
        self.claim.row().status
    }

    /// Whether another run has done this step since ours was planned, so that there is nothing left
    /// to do.
    ///
    /// The status alone does not tell: a sweep asks again for a block that was "no trips" when it
    /// was planned.
    pub(crate) fn is_done_already(&self) -> bool {
        let changed_since_plan = self
            .planned_at
            .is_some_and(|planned| self.claim.row().updated_at > planned);
        !self.item.force && changed_since_plan && self.status().has_done(self.step)
    }

    /// Ends the step well; records the block's outcome if this was the item's last step.
    pub(crate) async fn succeed(self, is_end_of_block: bool) -> Result<(), PipelineError> {
        if is_end_of_block || self.item.steps.last() == Some(&self.step) {
            self.record(Outcome::Done, None).await?;
        }
        self.claim.release().await?;
        Ok(())
    }

    /// Ends the step badly: the status and the outcome say so, then the error goes on to the
    /// caller.
    ///
    /// A failure to write that down does not replace the error that matters.
    pub(crate) async fn fail(mut self, status: BlockStatus, error: PipelineError) -> PipelineError {
        let outcome = match error.name {
            ErrorName::ProviderNotReady => Outcome::NotReady,
            _ => Outcome::Failed,
        };
        let item = self.item;
        let written = async {
            self.claim
                .mark_failed(status, item.run_id, error.name.as_str(), &error.message)
                .await?;
            self.record(outcome, Some(&error)).await?;
            self.claim.release().await
        };
        if let Err(failure) = written.await {
            tracing::warn!(
                run_id = %item.run_id,
                block.provider = %item.provider,
                block.label = %item.label,
                error = %failure,
                "failure of the step could not be written down"
            );
        }
        error
    }

    async fn record(
        &self,
        outcome: Outcome,
        error: Option<&PipelineError>,
    ) -> Result<(), StoreError> {
        if self.planned_at.is_none() {
            return Ok(());
        }
        self.ctx
            .store()
            .record_outcome(
                self.item.run_id,
                self.item.schedule_id,
                self.step,
                outcome,
                error.map(|e| (e.name.as_str(), e.message.as_str())),
            )
            .await
    }
}

async fn claim(ctx: &Context, schedule_id: i64) -> Result<Claim, PipelineError> {
    let deadline = Instant::now() + CLAIM_WAIT;
    loop {
        match ctx.store().claim(schedule_id).await {
            Err(StoreError::Busy { .. }) if Instant::now() < deadline => sleep(CLAIM_POLL).await,
            other => return Ok(other?),
        }
    }
}

/// An item is only as good as its `schedule_id`: one that points at another block would load trips
/// into the wrong hour.
fn check_same_block(item: &BlockItem, claim: &Claim) -> Result<(), PipelineError> {
    let block = item.block()?;
    let row = claim.row();
    if row.provider == block.provider && row.hour == block.hour {
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
