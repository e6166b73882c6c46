//! Which hours of which providers a request is about.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use trips::block::{Block, Hour, ProviderName, ResolvedRange, TimeWindow};

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::PlanRequest;

/// Hours that a scheduled run stays behind the clock if neither the event nor the provider says
/// otherwise.
pub(crate) const DEFAULT_LAG_HOURS: u32 = 30;

/// The one block that a request is about.
///
/// # Errors
///
/// `InvalidInput` if it is about none or several.
pub fn single_block(ctx: &Context, request: &PlanRequest) -> Result<Block, PipelineError> {
    let ranges = ranges(ctx, request, ctx.now())?;
    let hours: u64 = ranges
        .values()
        .filter_map(|r| r.range)
        .map(|range| range.len())
        .sum();
    let first = ranges
        .iter()
        .find_map(|(name, resolved)| Some((name.clone(), resolved.range?.first())));
    match first {
        Some((provider, hour)) if hours == 1 => Ok(Block { provider, hour }),
        _ => Err(PipelineError::new(
            ErrorName::InvalidInput,
            format!(
                "a file holds one hour of one provider, and the request is for {hours} ended blocks"
            ),
        )),
    }
}

pub(super) type Ranges = BTreeMap<ProviderName, ResolvedRange>;

pub(super) fn ranges(
    ctx: &Context,
    request: &PlanRequest,
    now: DateTime<Utc>,
) -> Result<Ranges, PipelineError> {
    let parse = |text: &Option<String>| {
        text.as_deref()
            .map(|text| ctx.zone().parse_time(text))
            .transpose()
    };
    let (time_min, time_max) = (parse(&request.time_min)?, parse(&request.time_max)?);
    if request.scheduled_time.is_some() && (time_min.is_some() || time_max.is_some()) {
        return Err(PipelineError::new(
            ErrorName::InvalidInput,
            "scheduled_time stands in place of time_min and time_max: give one or the other",
        ));
    }
    let mut ranges = Ranges::new();
    for name in chosen_providers(ctx, request)? {
        let time_max = match request.scheduled_time {
            Some(scheduled) => Some(scheduled_end(ctx, request, &name, scheduled)?),
            None => time_max,
        };
        let window = TimeWindow {
            time_min,
            time_max,
            interval: request.interval,
        };
        ranges.insert(name, window.resolve(now)?);
    }
    Ok(ranges)
}

fn scheduled_end(
    ctx: &Context,
    request: &PlanRequest,
    name: &ProviderName,
    scheduled: DateTime<Utc>,
) -> Result<Hour, PipelineError> {
    let lag = ctx
        .provider_config(name)?
        .lag_hours
        .or(request.lag_hours)
        .unwrap_or(DEFAULT_LAG_HOURS);
    Ok(Hour::containing(
        scheduled - TimeDelta::hours(i64::from(lag)),
    ))
}

fn chosen_providers(
    ctx: &Context,
    request: &PlanRequest,
) -> Result<Vec<ProviderName>, PipelineError> {
    let asked: Vec<&str> = request
        .provider
        .iter()
        .chain(&request.providers)
        .map(String::as_str)
        .collect();
    if asked.is_empty() {
        return Err(PipelineError::new(
            ErrorName::InvalidInput,
            "no provider: name one, or `all`",
        ));
    }
    if asked.contains(&"all") {
        let enabled = ctx
            .config()
            .providers
            .iter()
            .filter(|(_, config)| config.enabled);
        return Ok(enabled.map(|(name, _)| name.clone()).collect());
    }
    asked
        .into_iter()
        .map(|text| {
            let name = text
                .parse::<ProviderName>()
                .map_err(|e| PipelineError::new(ErrorName::InvalidInput, e.to_string()))?;
            ctx.provider_config(&name)?;
            Ok(name)
        })
        .collect()
}
