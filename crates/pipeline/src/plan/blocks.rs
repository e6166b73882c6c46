//! The blocks of a plan's ranges as the schedule has them, in an order that is fair to every
//! provider.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use store::{ScheduledBlock, Store};
use trips::block::{Block, Hour, HourRange};
use trips::status::{BlockStatus, Step};

use super::ranges::ProviderRange;
use crate::context::Provider;
use crate::error::PipelineError;
use crate::event::PlanRequest;
use crate::extract::late_side_data;

/// A plan reads this many hours of every provider at a time, so that a plan over years needs the
/// memory of four weeks.
const PART_LENGTH: TimeDelta = TimeDelta::weeks(4);

/// A stretch of time with the providers that have hours in it.
pub(super) type Part<'a> = Vec<(Provider<'a>, HourRange)>;

/// Cuts the ranges into parts that fit into memory, in the order of time.
pub(super) fn parts<'a>(ranges: &[ProviderRange<'a>]) -> impl Iterator<Item = Part<'a>> + use<'a> {
    let mut open: Part<'a> = ranges
        .iter()
        .filter_map(|it| Some((it.provider, it.hours.range?)))
        .collect();
    std::iter::from_fn(move || {
        let first = open.iter().map(|(_, range)| range.first()).min()?;
        let end = Hour::containing(first.start() + PART_LENGTH);
        let mut part = Part::new();
        let mut rest = Part::new();
        for (provider, range) in open.drain(..) {
            let (until, from) = (range.end().min(end), range.first().max(end));
            part.extend(HourRange::new(range.first(), until).map(|range| (provider, range)));
            rest.extend(HourRange::new(from, range.end()).map(|range| (provider, range)));
        }
        open = rest;
        Some(part)
    })
}

/// One block of a plan's range, whether the schedule has it or not.
pub(super) struct PlanRow {
    pub(super) block: Block,
    pub(super) schedule_id: Option<i64>,
    pub(super) status: BlockStatus,
    /// Whether the block has reached an age at which its provider is requested again.
    pub(super) is_refetch_due: bool,
    /// Whether a forced publish covers the block although its status does not say that it is
    /// loaded: it owns the trips of an earlier load, or the portal must receive something of it.
    pub(super) is_publishable: bool,
    /// Whether the portal lacks rows of the block although its status says that it is done.
    pub(super) is_waiting: bool,
    /// Whether the provider is still to be requested for the vehicles and the telemetry of its
    /// trips, which does not show in its status.
    pub(super) lacks_side_data: bool,
}

/// The blocks that have something left to do, whatever their status says.
pub(super) struct Returning {
    /// Their rows wait for an upload.
    waiting: BTreeSet<i64>,
    /// Their provider is still to be requested for vehicles and telemetry.
    without_side_data: BTreeSet<i64>,
}

impl Returning {
    pub(super) async fn find(
        store: &Store,
        request: &PlanRequest,
        now: DateTime<Utc>,
    ) -> Result<Self, PipelineError> {
        let waiting = store.published_but_waiting().await?;
        let without_side_data = if request.no_extract || request.force {
            BTreeSet::new()
        } else {
            let since = late_side_data::since(now);
            store.blocks_without_side_data(since).await?
        };
        Ok(Self {
            waiting,
            without_side_data,
        })
    }
}

/// A part with its schedule rows.
pub(super) struct ReadPart<'a> {
    part: Part<'a>,
    /// For each provider of the part, its rows.
    scheduled: Vec<Vec<ScheduledBlock>>,
}

impl<'a> ReadPart<'a> {
    pub(super) fn new(part: Part<'a>, scheduled: Vec<Vec<ScheduledBlock>>) -> Self {
        Self { part, scheduled }
    }

    /// Its blocks that a forced publish covers although their statuses do not say that they are
    /// loaded.
    pub(super) async fn publishable(
        &self,
        store: &Store,
        request: &PlanRequest,
    ) -> Result<BTreeSet<i64>, PipelineError> {
        if !request.force || !request.steps().is_publish_only() {
            return Ok(BTreeSet::new());
        }
        let blocks = self.scheduled.iter().flatten();
        let not_loaded: Vec<i64> = blocks
            .filter(|row| !row.status.is_loaded())
            .map(|row| row.schedule_id)
            .collect();
        Ok(store.publishable(&not_loaded).await?)
    }

    /// The part's blocks, hour by hour with the providers interleaved. So no provider waits for
    /// another's months, and no provider gets the requests of all workers at once.
    pub(super) fn rows<'w>(
        self,
        returning: &'w Returning,
        publishable: &'w BTreeSet<i64>,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = PlanRow> + use<'a, 'w> {
        let mut providers: Vec<_> = self.part.into_iter().zip(self.scheduled).collect();
        providers.sort_by(|((a, _), _), ((b, _), _)| a.name.cmp(b.name));
        let mut hours: Vec<_> = providers
            .into_iter()
            .map(|((provider, range), rows)| (provider, range, rows.into_iter().peekable()))
            .collect();
        let whole = HourRange::spanning(hours.iter().map(|(_, range, _)| *range));
        whole.into_iter().flatten().flat_map(move |hour| {
            let wanted = hours
                .iter_mut()
                .filter(|(_, range, _)| range.first() <= hour && hour < range.end());
            let rows = wanted.map(|(provider, _, rows)| {
                let scheduled = rows.next_if(|row| row.hour == hour);
                let scheduled = scheduled.as_ref();
                plan_row(*provider, hour, scheduled, returning, publishable, now)
            });
            rows.collect::<Vec<_>>()
        })
    }
}

fn plan_row(
    provider: Provider<'_>,
    hour: Hour,
    scheduled: Option<&ScheduledBlock>,
    returning: &Returning,
    publishable: &BTreeSet<i64>,
    now: DateTime<Utc>,
) -> PlanRow {
    PlanRow {
        block: Block {
            provider: provider.name.clone(),
            hour,
        },
        schedule_id: scheduled.map(|row| row.schedule_id),
        status: scheduled.map_or(BlockStatus::New, |row| row.status),
        is_refetch_due: scheduled.is_some_and(|row| {
            let ages = &provider.config.refetch_after_hours;
            is_refetch_due(row.hour, row.status, row.extracted_at, ages, now)
        }),
        is_publishable: scheduled.is_some_and(|row| publishable.contains(&row.schedule_id)),
        is_waiting: scheduled.is_some_and(|row| returning.waiting.contains(&row.schedule_id)),
        lacks_side_data: scheduled.is_some_and(|row| {
            let without = &returning.without_side_data;
            without.contains(&row.schedule_id) && late_side_data::has_trips(row.status)
        }),
    }
}

/// Whether the block has reached one of the ages, in hours, at which its provider is requested
/// again, and was last requested before it reached that age.
pub(crate) fn is_refetch_due(
    hour: Hour,
    status: BlockStatus,
    extracted_at: Option<DateTime<Utc>>,
    ages: &[u32],
    now: DateTime<Utc>,
) -> bool {
    let Some(extracted_at) = extracted_at.filter(|_| status.has_done(Step::Extract)) else {
        return false;
    };
    ages.iter()
        .map(|age| hour.end() + TimeDelta::hours(i64::from(*age)))
        .any(|due_at| extracted_at < due_at && due_at <= now)
}
