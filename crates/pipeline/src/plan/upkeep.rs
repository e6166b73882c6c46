//! What a sweep does beside its plan: it deletes old runs, and signs of processes that have ended.

use std::time::Duration;

use chrono::TimeDelta;

use crate::context::Context;
use crate::error::PipelineError;

/// As long as the bucket keeps manifests.
const KEEP_RUNS: TimeDelta = TimeDelta::days(90);
/// The first sweep over an old database may find millions of rows. The following nights delete what
/// is left.
const MAX_TIME: Duration = Duration::from_secs(60);
/// A process that lives has shown it within a minute.
const KEEP_SIGNS: TimeDelta = TimeDelta::days(2);

/// Deletes what nobody needs any more. A failure does not fail the plan, since the next sweep tries
/// again.
pub(super) async fn prune(ctx: &Context) {
    match ctx.store().prune_runs(KEEP_RUNS, MAX_TIME).await {
        Ok(pruned) if pruned.runs + pruned.outcomes == 0 => {}
        Ok(pruned) => tracing::info!(
            runs.deleted = pruned.runs,
            outcomes.deleted = pruned.outcomes,
            "old runs deleted"
        ),
        Err(error) => {
            let error = PipelineError::from(error);
            tracing::warn!(
                error.name = %error.name,
                error.message = %error.message,
                "old runs could not be deleted; the next sweep tries again"
            );
        }
    }
    if let Err(error) = ctx.store().prune_signs_of_life(KEEP_SIGNS).await {
        let error = PipelineError::from(error);
        tracing::warn!(
            error.name = %error.name,
            error.message = %error.message,
            "signs of processes that have ended could not be deleted; the next sweep tries again"
        );
    }
}
