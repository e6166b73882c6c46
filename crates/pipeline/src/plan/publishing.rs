//! Plans of a city that publishes nothing.

use std::borrow::Cow;

use uuid::Uuid;

use super::{Plan, Planner};
use crate::context::Context;
use crate::error::PipelineError;
use crate::event::PlanRequest;

/// The request without the step `sync-socrata`, if the settings have no key of the portal.
/// Schedules have the same input in every city, so one that publishes nothing has its hours loaded
/// all the same. A request for nothing but the publication stays as it is, and is refused.
pub(super) fn of_this_city<'a>(ctx: &Context, request: &'a PlanRequest) -> Cow<'a, PlanRequest> {
    let has_other_steps = !request.no_extract || !request.no_sync_db;
    if ctx.config().settings.has_portal || request.no_sync_socrata || !has_other_steps {
        return Cow::Borrowed(request);
    }
    tell();
    Cow::Owned(PlanRequest {
        no_sync_socrata: true,
        ..request.clone()
    })
}

/// Whether a schedule asks for an audit although there is no portal to compare with. Somebody who
/// asks for one is told what is missing.
pub(super) fn is_audit_of_nothing(ctx: &Context, request: &PlanRequest) -> bool {
    !ctx.config().settings.has_portal && request.scheduled_time.is_some()
}

/// The plan of such an audit: no blocks, and no difference.
pub(super) async fn plan_nothing(
    ctx: &Context,
    request: &PlanRequest,
    run_id: Uuid,
) -> Result<Plan, PipelineError> {
    tell();
    Planner::start(ctx, request, run_id, &[])
        .await?
        .finish()
        .await
}

fn tell() {
    tracing::warn!("the settings have no key of the portal, so the run publishes nothing");
}
