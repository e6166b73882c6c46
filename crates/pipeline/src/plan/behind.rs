//! How many hours each provider is behind (docs/CONTRACT.md, "Hours behind").

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use store::{DoneWhen, ExpectedHours, UndoneHours};
use trips::block::{Hour, ProviderName};

use super::ranges::hour_before;
use super::start::active_from;
use crate::context::Context;
use crate::error::PipelineError;

/// How far behind a provider is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoursBehind {
    /// The provider's short name.
    pub provider: ProviderName,
    /// Hours between the end of the newest hour up to which every hour is whole, and the lag before
    /// now.
    pub hours: u64,
}

/// Counts the hours that each enabled provider is behind. A provider that has not begun is left
/// out. A provider whose entry cannot be used counts as enabled: no run requests its hours, and
/// nothing else would show it. `requested_lag` is the lag of those that have none of their own, if
/// the deployment has none either.
///
/// # Errors
///
/// `ConfigInvalid` for an `active_from` that the city's zone does not have; `DatabaseUnavailable`.
pub async fn hours_behind(
    ctx: &Context,
    requested_lag: Option<u32>,
    now: DateTime<Utc>,
) -> Result<Vec<HoursBehind>, PipelineError> {
    let env = &ctx.config().env;
    let lag_of = |own: Option<u32>| env.lag_of(own.or(env.lag_hours).or(requested_lag));
    let mut expected = Vec::new();
    for provider in ctx.providers().filter(|it| it.config.enabled) {
        expected.push(ExpectedHours {
            provider: provider.name.clone(),
            start: active_from(ctx, provider)?,
            end: hour_before(now, lag_of(provider.config.lag_hours)),
        });
    }
    for name in ctx.unusable_providers() {
        expected.push(ExpectedHours {
            provider: name,
            start: None,
            end: hour_before(now, lag_of(None)),
        });
    }
    let whole_until = ctx.store().whole_until(&expected, done(ctx)).await?;
    Ok(expected
        .into_iter()
        .filter_map(|it| {
            let until = *whole_until.get(&it.provider)?;
            Some(HoursBehind {
                hours: hours_between(until, it.end),
                provider: it.provider,
            })
        })
        .collect())
}

/// How far a provider is behind, and what of it lies before a report begins.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BehindReport {
    /// As in [`HoursBehind`]; 0 for a provider that has not begun.
    pub(crate) hours: u64,
    /// The due hours before the report that are not whole: the first of them, and the others.
    pub(crate) older: Option<(Hour, UndoneHours)>,
}

/// As [`hours_behind`], for given providers and for a report that begins at `since`.
///
/// Only of a provider whose hours are not whole up to the report, those before it are counted.
pub(crate) async fn behind_since(
    ctx: &Context,
    expected: &[ExpectedHours],
    since: Hour,
) -> Result<BTreeMap<ProviderName, BehindReport>, PipelineError> {
    let whole_until = ctx.store().whole_until(expected, done(ctx)).await?;
    let older: Vec<_> = expected
        .iter()
        .filter_map(|it| {
            let (first, end) = (*whole_until.get(&it.provider)?, it.end.min(since));
            (first < end).then(|| ExpectedHours {
                provider: it.provider.clone(),
                start: Some(first),
                end,
            })
        })
        .collect();
    let mut undone = if older.is_empty() {
        BTreeMap::new()
    } else {
        ctx.store().undone_hours(&older, done(ctx)).await?
    };
    let reports = expected.iter().filter_map(|it| {
        let until = *whole_until.get(&it.provider)?;
        let report = BehindReport {
            hours: hours_between(until, it.end),
            older: undone.remove(&it.provider).map(|undone| (until, undone)),
        };
        Some((it.provider.clone(), report))
    });
    Ok(reports.collect())
}

/// Without a portal, an hour is whole once it is loaded.
fn done(ctx: &Context) -> DoneWhen {
    if ctx.config().settings.has_portal {
        DoneWhen::Published
    } else {
        DoneWhen::Loaded
    }
}

fn hours_between(from: Hour, to: Hour) -> u64 {
    let between: TimeDelta = to.start() - from.start();
    between.num_hours().max(0).unsigned_abs()
}
