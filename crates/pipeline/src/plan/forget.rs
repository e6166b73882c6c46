//! Removes hours from the schedule that were planned by mistake.

use chrono::Utc;
use serde::Serialize;
use trips::block::ProviderName;

use super::ranges::ranges;
use crate::context::Context;
use crate::database::open_for_migrations;
use crate::error::PipelineError;
use crate::event::PlanRequest;

/// What [`forget`] has done with the hours of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// The provider's short name.
    pub provider: ProviderName,
    /// Number of hours removed from the schedule or, in a dry run, that would be.
    pub forgotten: u64,
    /// Number of planned hours of the range that stay, since something was done with them.
    pub kept: u64,
}

/// Removes the hours of a request from the schedule with which nothing was ever done: status 0, no
/// archive, no trip, and no run at work on them. Each provider's hours go in one transaction, by
/// the login for migrations, since no run may delete from the schedule.
///
/// # Errors
///
/// Those of [`plan()`](super::plan()); `ConfigInvalid` if the login may not delete.
pub async fn forget(ctx: &Context, request: &PlanRequest) -> Result<Vec<Forgotten>, PipelineError> {
    let ranges = ranges(ctx, request, Utc::now())?;
    let store = open_for_migrations(ctx.config()).await?;
    let mut all = Vec::new();
    for range in ranges {
        let provider = range.provider.name.clone();
        let (forgotten, kept) = match range.hours.range {
            Some(hours) => {
                store
                    .forget_untouched(&provider, hours, request.dry_run)
                    .await?
            }
            None => (0, 0),
        };
        all.push(Forgotten {
            provider,
            forgotten,
            kept,
        });
    }
    store.close_idle().await;
    Ok(all)
}
