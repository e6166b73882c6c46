//! The blocks of ranges as the schedule has them, in an order that is fair to all providers.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use store::{ScheduleRow, StoreError};
use tokio::task::JoinHandle;
use trips::block::{Block, Hour, HourRange, ProviderName};
use trips::status::{BlockStatus, Step};

use super::ranges::Ranges;
use crate::context::Context;
use crate::error::PipelineError;

/// Hours of each provider that are looked at together, so that a plan of years needs the memory of
/// four weeks.
const HOURS_AT_ONCE: TimeDelta = TimeDelta::weeks(4);
/// A stretch of time with the providers that take part in it.
pub(super) type Part = Vec<(ProviderName, HourRange)>;

/// Cuts the ranges into stretches short enough to hold in memory, in order of time.
pub(super) fn parts(ranges: &Ranges) -> impl Iterator<Item = Part> + use<> {
    let mut open: Part = ranges
        .iter()
        .filter_map(|(name, resolved)| Some((name.clone(), resolved.range?)))
        .collect();
    std::iter::from_fn(move || {
        let first = open.iter().map(|(_, range)| range.first()).min()?;
        let end = Hour::containing(first.start() + HOURS_AT_ONCE);
        let mut part = Part::new();
        let mut rest = Part::new();
        for (name, range) in open.drain(..) {
            let (until, from) = (range.end().min(end), range.first().max(end));
            part.extend(HourRange::new(range.first(), until).map(|range| (name.clone(), range)));
            rest.extend(HourRange::new(from, range.end()).map(|range| (name, range)));
        }
        open = rest;
        Some(part)
    })
}

pub(super) struct Row {
    pub(super) block: Block,
    pub(super) schedule_id: Option<i64>,
    pub(super) status: BlockStatus,
    /// Whether the provider is to be asked again because of the block's age.
    pub(super) is_refetch_due: bool,
}

/// A part with the blocks of it that the schedule has.
pub(super) type Known = Vec<(ProviderName, HourRange, Vec<ScheduleRow>)>;

/// Reads what the schedule has of the part, while the caller works on the part before.
pub(super) fn read_ahead(ctx: &Context, part: Part) -> JoinHandle<Result<Known, StoreError>> {
    let store = ctx.store().clone();
    tokio::spawn(async move {
        let mut known = Known::new();
        for (name, range) in part {
            let blocks = store.blocks(&name, range).await?;
            known.push((name, range, blocks));
        }
        Ok(known)
    })
}

/// The part's blocks, hour by hour with the providers interleaved, so that no provider waits for
/// another's months and none is asked by all the workers at once.
pub(super) fn rows(ctx: &Context, known: Known) -> Result<Vec<Row>, PipelineError> {
    let mut rows = Vec::new();
    let now = ctx.now();
    for (name, range, blocks) in known {
        let reask_hours = &ctx.provider_config(&name)?.refetch_after_hours;
        let known: BTreeMap<Hour, _> = blocks.into_iter().map(|row| (row.hour, row)).collect();
        rows.extend(range.iter().map(|hour| {
            let row = known.get(&hour);
            Row {
                block: Block {
                    provider: name.clone(),
                    hour,
                },
                schedule_id: row.map(|row| row.schedule_id),
                status: row.map_or(BlockStatus::New, |row| row.status),
                is_refetch_due: row.is_some_and(|row| is_refetch_due(row, reask_hours, now)),
            }
        }));
    }
    rows.sort_by(|a, b| (a.block.hour, &a.block.provider).cmp(&(b.block.hour, &b.block.provider)));
    Ok(rows)
}

/// Whether the block has passed one of the ages at which its provider is asked again, and was last
/// asked before.
fn is_refetch_due(row: &ScheduleRow, reask_hours: &[u32], now: DateTime<Utc>) -> bool {
    let Some(extracted_at) = row
        .extracted_at
        .filter(|_| row.status.has_done(Step::Extract))
    else {
        return false;
    };
    reask_hours
        .iter()
        .map(|age| row.hour.end() + TimeDelta::hours(i64::from(*age)))
        .any(|time| extracted_at < time && time <= now)
}
