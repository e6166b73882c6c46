//! The blocks of a run that did not succeed, kept until the end: the database may have been away
//! when they ended.

use std::sync::{Mutex, PoisonError};

use store::{BlockEnd, Outcome};
use trips::status::Step;
use uuid::Uuid;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};

/// More are not kept. The summary counts what is neither kept nor recorded as not ended.
const MAX_KEPT: usize = 10_000;

/// How a block ended that did not succeed.
#[derive(Debug)]
struct Failure {
    schedule_id: i64,
    step: Step,
    error: PipelineError,
}

/// The blocks that did not succeed so far.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Vec<Failure>>);

impl Failures {
    pub(super) fn add(&self, schedule_id: i64, step: Step, error: &PipelineError) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_KEPT {
            kept.push(Failure {
                schedule_id,
                step,
                error: error.clone(),
            });
        }
    }

    /// Records the outcomes that the steps could not record, so that the summary counts what the
    /// run has seen.
    pub(super) async fn record_missing(
        &self,
        ctx: &Context,
        run_id: Uuid,
    ) -> Result<(), PipelineError> {
        let failures = {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *kept)
        };
        let recorded = record_missing(ctx, run_id, &failures).await;
        if recorded.is_err() {
            // For the next attempt.
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failures;
        }
        recorded
    }
}

async fn record_missing(
    ctx: &Context,
    run_id: Uuid,
    failures: &[Failure],
) -> Result<(), PipelineError> {
    if failures.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = failures.iter().map(|it| it.schedule_id).collect();
    let missing = ctx.store().blocks_without_outcome(run_id, &ids).await?;
    for Failure {
        schedule_id,
        step,
        error,
    } in failures
    {
        if !missing.contains(schedule_id) {
            continue;
        }
        let end = BlockEnd {
            step: *step,
            outcome: outcome(error.name),
            error: Some((error.name.as_str(), error.message.as_str())),
        };
        ctx.store()
            .record_outcome(run_id, *schedule_id, end)
            .await?;
    }
    Ok(())
}

/// How a block ends with this error.
pub(crate) fn outcome(error: ErrorName) -> Outcome {
    match error {
        ErrorName::ProviderNotReady => Outcome::NotReady,
        _ => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests;
