//! Which hours of which providers a request is about.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use config::MAX_LAG_HOURS;
use trips::block::{Block, Hour, HourRange, ProviderName, ResolvedRange, TimeWindow};

use crate::context::{Context, Provider};
use crate::error::{ErrorName, PipelineError};
use crate::event::PlanRequest;

/// The name that stands for every enabled provider.
const ALL: &str = "all";

/// The hours of one provider that a request is about.
pub(super) struct ProviderRange<'a> {
    pub(super) provider: Provider<'a>,
    pub(super) hours: ResolvedRange,
    /// How many hours were left out because they are before the provider's start.
    pub(super) before_start: u64,
}

impl ProviderRange<'_> {
    /// Leaves out the hours before `start`.
    pub(super) fn begin_at(&mut self, start: Hour) {
        let Some(range) = self.hours.range.filter(|range| range.first() < start) else {
            return;
        };
        let early = HourRange::new(range.first(), start.min(range.end()));
        self.before_start += early.map_or(0, |early| early.len());
        self.hours.range = HourRange::new(start, range.end());
    }
}

/// Finds the one block that a request is about.
///
/// # Errors
///
/// `InvalidInput` if the request is about no block or about several.
pub fn single_block(ctx: &Context, request: &PlanRequest) -> Result<Block, PipelineError> {
    let ranges = ranges(ctx, request, Utc::now())?;
    let ended = || {
        ranges
            .iter()
            .filter_map(|it| Some((it.provider, it.hours.range?)))
    };
    let blocks: u64 = ended().map(|(_, range)| range.len()).sum();
    match ended().next() {
        Some((provider, range)) if blocks == 1 => Ok(Block {
            provider: provider.name.clone(),
            hour: range.first(),
        }),
        _ => Err(PipelineError::new(
            ErrorName::InvalidInput,
            format!(
                "a file holds one hour of one provider, and the request is for {blocks} ended blocks"
            ),
        )),
    }
}

/// The number of blocks that a request is about, whether there is something to do for them or not.
///
/// # Errors
///
/// `InvalidInput` for a request that makes no sense.
pub fn hours_in_range(ctx: &Context, request: &PlanRequest) -> Result<u64, PipelineError> {
    let ranges = ranges(ctx, request, Utc::now())?;
    Ok(ranges
        .iter()
        .filter_map(|it| it.hours.range)
        .map(|range| range.len())
        .sum())
}

/// Resolves the request's providers and times. The result is in the order of the providers' names.
pub(super) fn ranges<'a>(
    ctx: &'a Context,
    request: &PlanRequest,
    now: DateTime<Utc>,
) -> Result<Vec<ProviderRange<'a>>, PipelineError> {
    let asked = asked_window(ctx, request)?;
    let mut ranges = Vec::new();
    for provider in chosen_providers(ctx, request)? {
        let window = TimeWindow {
            time_max: match request.scheduled_time {
                Some(scheduled) => Some(lagging_end(ctx, provider, request, scheduled)),
                None => asked.time_max,
            },
            ..asked
        };
        ranges.push(ProviderRange {
            provider,
            hours: window.resolve(now)?,
            before_start: 0,
        });
    }
    Ok(ranges)
}

/// The times that the request names.
fn asked_window(ctx: &Context, request: &PlanRequest) -> Result<TimeWindow, PipelineError> {
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
    check_schedule(request)?;
    Ok(TimeWindow {
        time_min,
        time_max,
        interval: request.interval,
    })
}

/// Refuses a time or a lag with which no hour could be meant.
fn check_schedule(request: &PlanRequest) -> Result<(), PipelineError> {
    let invalid = |message: String| Err(PipelineError::new(ErrorName::InvalidInput, message));
    match (request.scheduled_time, request.lag_hours) {
        (Some(time), _) if !(2000..=2049).contains(&time.year()) => invalid(format!(
            "scheduled_time has the year {}; use a year from 2000 to 2049",
            time.year()
        )),
        (_, Some(lag)) if lag > MAX_LAG_HOURS => invalid(format!(
            "lag_hours is {lag}; give a whole number from 0 to {MAX_LAG_HOURS}"
        )),
        (None, Some(_)) => invalid(
            "lag_hours counts back from scheduled_time, and there is none: give scheduled_time as well, such as the \
             time now, or leave lag_hours out"
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

/// The hours that an audit compares: those of the request, whichever providers it is about. A
/// scheduled audit ends where the provider with the shortest lag does.
pub(crate) fn audited_range(
    ctx: &Context,
    request: &PlanRequest,
    now: DateTime<Utc>,
) -> Result<ResolvedRange, PipelineError> {
    let asked = asked_window(ctx, request)?;
    let providers = chosen_providers(ctx, request)?;
    let ends = request.scheduled_time.and_then(|scheduled| {
        let ends = providers.iter();
        ends.map(|provider| lagging_end(ctx, *provider, request, scheduled))
            .max()
    });
    let window = TimeWindow {
        time_max: ends.or(asked.time_max),
        ..asked
    };
    Ok(window.resolve(now)?)
}

/// The end of the last hour that a provider with its lag should have at an instant.
pub(super) fn lagging_end(
    ctx: &Context,
    provider: Provider<'_>,
    request: &PlanRequest,
    at: DateTime<Utc>,
) -> Hour {
    let own = provider.config.lag_hours.or(request.lag_hours);
    hour_before(at, ctx.config().env.lag_of(own))
}

/// The end of the last hour whose lag has passed at an instant.
pub(super) fn hour_before(at: DateTime<Utc>, lag_hours: u32) -> Hour {
    Hour::containing(at - TimeDelta::hours(i64::from(lag_hours)))
}

/// Every enabled provider. An entry that cannot be used stops the plan only if there is no other.
fn enabled_providers(ctx: &Context) -> Result<Vec<Provider<'_>>, PipelineError> {
    let enabled: Vec<_> = ctx.providers().filter(|it| it.config.enabled).collect();
    match ctx.config().providers.all_invalid().next() {
        Some((_, why)) if enabled.is_empty() => {
            Err(PipelineError::caused(ErrorName::ConfigInvalid, why))
        }
        _ => Ok(enabled),
    }
}

/// Whether the request names this provider, and not only `all`.
pub(super) fn is_named(request: &PlanRequest, provider: &ProviderName) -> bool {
    names(request).any(|name| name.parse().as_ref() == Ok(provider))
}

fn names(request: &PlanRequest) -> impl Iterator<Item = &str> {
    let names = request.provider.iter().chain(&request.providers);
    names.map(String::as_str)
}

/// Whether the request is for every enabled provider.
pub(super) fn is_for_all(request: &PlanRequest) -> bool {
    names(request).any(|name| name == ALL)
}

/// The providers that the request names, each once and in the order of their names.
fn chosen_providers<'a>(
    ctx: &'a Context,
    request: &PlanRequest,
) -> Result<Vec<Provider<'a>>, PipelineError> {
    let named: Vec<&str> = names(request).collect();
    named_providers(ctx, &named)
}

/// The providers of these names, each once and in the order of their names; `all` means every
/// enabled one.
pub(crate) fn named_providers<'a>(
    ctx: &'a Context,
    named: &[&str],
) -> Result<Vec<Provider<'a>>, PipelineError> {
    if named.is_empty() {
        return Err(PipelineError::new(
            ErrorName::InvalidInput,
            "no provider: name one, or `all`",
        ));
    }
    if named.contains(&ALL) {
        return enabled_providers(ctx);
    }
    let mut chosen = named
        .iter()
        .map(|text| ctx.provider(&text.parse::<ProviderName>()?))
        .collect::<Result<Vec<_>, _>>()?;
    chosen.sort_by_key(|provider| provider.name);
    chosen.dedup_by_key(|provider| provider.name);
    Ok(chosen)
}
