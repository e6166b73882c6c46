//! What a sweep does beside its plan: it deletes old runs.

use std::time::Duration;

use chrono::TimeDelta;

use crate::context::Context;
use crate::error::PipelineError;

/// As long as the bucket keeps manifests.
const KEEP_RUNS: TimeDelta = TimeDelta::days(90);
/// The first sweep over an old database may find millions of rows. The following nights delete what
/// is left.
const MAX_TIME: Duration = Duration::from_secs(60);

/// Deletes old runs. A failure does not fail the plan, since the next sweep tries again.
pub(super) async fn prune_runs(ctx: &Context) {
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
}
