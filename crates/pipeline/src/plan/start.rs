//! From which hour on a provider's hours are expected.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use trips::block::{Block, Hour, ProviderName};

use super::ranges::{ProviderRange, is_named};
use crate::context::{Context, Provider};
use crate::error::{ErrorName, PipelineError};
use crate::event::PlanRequest;

/// A schedule takes the last hours of its range in any case, so that a new provider begins with its
/// first one. That many are no backfill.
const ALWAYS_SCHEDULED: TimeDelta = TimeDelta::days(2);

/// The hour from which on the hours of each enabled provider are expected: its `active_from`, or
/// else its first planned hour. A provider that has neither has not begun, and is left out.
///
/// # Errors
///
/// `DatabaseUnavailable`.
pub async fn provider_starts(ctx: &Context) -> Result<BTreeMap<ProviderName, Hour>, PipelineError> {
    let mut first_hours = ctx.store().first_hours().await?;
    let mut starts = BTreeMap::new();
    for provider in ctx.providers().filter(|it| it.config.enabled) {
        let start = active_from(ctx, provider)?.or_else(|| first_hours.remove(provider.name));
        starts.extend(start.map(|start| (provider.name.clone(), start)));
    }
    Ok(starts)
}

/// Leaves out the hours that a request does not reach because it does not name the provider: those
/// before `active_from` and, for a schedule, those before the provider's start.
pub(super) async fn leave_out_early_hours(
    ctx: &Context,
    request: &PlanRequest,
    ranges: &mut [ProviderRange<'_>],
) -> Result<(), PipelineError> {
    let mut without_key = Vec::new();
    for range in ranges {
        if is_named(request, range.provider.name) {
            continue;
        }
        match active_from(ctx, range.provider)? {
            Some(start) => range.begin_at(start),
            None => without_key.push(range),
        }
    }
    if request.scheduled_time.is_none() || without_key.is_empty() {
        return Ok(());
    }
    let first_hours = ctx.store().first_hours().await?;
    for range in without_key {
        let Some(hours) = range.hours.range else {
            continue;
        };
        let last_hours = Hour::containing(hours.end().start() - ALWAYS_SCHEDULED);
        let start = first_hours.get(range.provider.name).copied();
        range.begin_at(start.map_or(last_hours, |start| start.min(last_hours)));
    }
    Ok(())
}

/// Whether a request leaves this block out because of its provider's `active_from`.
pub(super) fn is_before_active(
    ctx: &Context,
    request: &PlanRequest,
    block: &Block,
) -> Result<bool, PipelineError> {
    if is_named(request, &block.provider) {
        return Ok(false);
    }
    let Some(provider) = ctx.providers().find(|it| *it.name == block.provider) else {
        return Ok(false);
    };
    let active_from = active_from(ctx, provider)?;
    Ok(active_from.is_some_and(|start| block.hour < start))
}

/// `active_from` of a provider's entry, in the city's zone.
pub(crate) fn active_from(
    ctx: &Context,
    provider: Provider<'_>,
) -> Result<Option<Hour>, PipelineError> {
    let Some(active_from) = &provider.config.active_from else {
        return Ok(None);
    };
    active_from.hour(ctx.zone()).map(Some).map_err(|error| {
        PipelineError::new(
            ErrorName::ConfigInvalid,
            format!("{}.active_from: {error}", provider.name),
        )
    })
}
