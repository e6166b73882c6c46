//! Which hours of each provider are whole, and what to do about the others.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;
use store::{Found, LastAudit};
use trips::block::{Hour, HourRange, ProviderName};
use trips::hour_state::HourState;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::plan::{behind_since, write_facts};

mod hours;
mod looked;
mod older;
mod page;
mod portal;
mod problems;
mod unusable;

use self::hours::Tally;
use self::looked::{Looked, looked_at};
pub use self::older::OlderHours;
pub use self::page::{put_status_page, status_page_key};
pub use self::portal::PortalDifferences;
pub use self::problems::Problem;
use self::problems::never_planned;
pub(crate) use self::unusable::unusable_entries;
pub use self::unusable::{UnusableEntry, odd_providers};

/// How far back a status report looks, unless it is told: as far as the nightly sweep.
const DEFAULT_DAYS: i64 = 35;

/// What a status report is asked for.
#[derive(Debug, Clone, Default)]
pub struct StatusRequest {
    /// Names of providers; empty for all enabled ones.
    pub providers: Vec<String>,
    /// The first civil hour: `yyyy-mm-dd-hh`, `yyyy-mm-dd` or RFC 3339. `None`: 35 days ago.
    pub since: Option<String>,
}

/// How the hours of each provider stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusReport {
    /// When the report was made.
    pub made_at: DateTime<Utc>,
    /// The first hour that the report looks at.
    pub since: Hour,
    /// The city's time zone, by its name.
    pub time_zone: String,
    /// Whether something needs a person.
    pub needs_a_person: bool,
    /// Rows of the portal that belong to no provider, as the last audit found them; `None` before
    /// one.
    pub portal_only: Option<PortalDifferences>,
    /// The entries of the providers file that cannot be used. Somebody has to correct them.
    pub unusable_entries: Vec<UnusableEntry>,
    /// Rows of `api.providers` whose name no provider can have, with the way out. Their hours are
    /// in no report.
    pub odd_providers: Vec<String>,
    /// The providers in the order of their names.
    pub providers: Vec<ProviderStatus>,
}

/// How the hours of a provider stand. An hour is due once the provider's lag has passed after it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProviderStatus {
    /// The provider's name.
    pub provider: ProviderName,
    /// Whether runs for all providers include it.
    pub enabled: bool,
    /// How many hours after its end an hour is due.
    pub lag_hours: u32,
    /// Number of hours that are due or pulled.
    pub hours: u64,
    /// Number of hours by state, without the states that no hour has.
    pub states: BTreeMap<HourState, u64>,
    /// Label of the newest hour that is whole or empty.
    pub newest_hour: Option<String>,
    /// When that hour ended.
    pub newest_hour_end: Option<DateTime<Utc>>,
    /// How many hours ago that was.
    pub hours_since_newest: Option<u64>,
    /// Label of the newest hour with trips.
    pub newest_hour_with_trips: Option<String>,
    /// How many due hours lie after the last hour up to which every hour is whole or empty, from
    /// the provider's start on: the metric `HoursBehind`. 0 for a provider without a value.
    pub hours_behind: u64,
    /// Due hours from before the report that are not whole, of an enabled provider.
    pub older: Option<OlderHours>,
    /// Trips that the provider returned.
    pub trips_fetched: u64,
    /// Trips that were rejected.
    pub trips_rejected: u64,
    /// Repeated deliveries of a trip within an hour.
    pub trips_duplicates: u64,
    /// Trips that came only when the hour was requested again.
    pub trips_late: u64,
    /// Trips that the provider has withdrawn.
    pub trips_withdrawn: u64,
    /// Blocks with rows that the portal has not received yet.
    pub blocks_waiting_for_portal: u64,
    /// How the portal differed from the database; `None` before the first audit.
    pub portal: Option<PortalDifferences>,
    /// Rejected trips by reason.
    pub reject_reasons: BTreeMap<String, u64>,
    /// Loaded trips by flag.
    pub flags: BTreeMap<String, u64>,
    /// What keeps hours from being whole, the most hours first.
    pub problems: Vec<Problem>,
    /// The civil days in order.
    pub days: Vec<DayStatus>,
}

/// The hours of a provider that start on a civil day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DayStatus {
    /// The day.
    pub day: NaiveDate,
    /// Number of hours by state.
    pub states: BTreeMap<HourState, u64>,
    /// Trips that the provider returned.
    pub trips: u64,
    /// The hours that are neither whole nor empty, by their labels.
    pub incomplete: BTreeMap<String, HourState>,
    /// Every hour, for a calendar.
    #[serde(skip)]
    pub hours: Vec<HourStatus>,
}

/// How an hour stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourStatus {
    /// The hour.
    pub hour: Hour,
    /// How it stands.
    pub state: HourState,
    /// Trips that the provider returned; `None` before a load.
    pub trips: Option<u64>,
}

/// Reads how the hours of each provider stand.
///
/// # Errors
///
/// `InvalidInput` for an unknown provider or a time that cannot be; `DatabaseUnavailable`.
pub async fn status_report(
    ctx: &Context,
    request: &StatusRequest,
) -> Result<StatusReport, PipelineError> {
    let made_at = ctx.store().now().await?;
    let since = since(ctx, request, made_at)?;
    let range = HourRange::new(since, Hour::containing(made_at).next()).ok_or_else(|| {
        PipelineError::new(
            ErrorName::InvalidInput,
            format!("{} lies in the future", since.label(ctx.zone())),
        )
    })?;
    if ctx.store().may_write_configuration().await? {
        // The view knows what the configuration says of now.
        write_facts(ctx, std::iter::empty()).await?;
    } else {
        tracing::info!(
            "the database login only reads, so hours are judged by the configuration of the last run"
        );
    }
    let mut audits = ctx.store().last_audits().await?;
    let providers = provider_statuses(ctx, request, made_at, range, &mut audits).await?;
    let unusable_entries = if request.providers.is_empty() {
        unusable_entries(ctx)
    } else {
        Vec::new()
    };
    let odd_providers = odd_providers(ctx).await?;
    let portal_only = audits
        .remove(&None)
        .map(|last| PortalDifferences::new(ctx.zone(), None, &last));
    Ok(StatusReport {
        made_at,
        since,
        time_zone: ctx.zone().name().to_owned(),
        needs_a_person: !unusable_entries.is_empty()
            || !odd_providers.is_empty()
            || needs_a_person(&providers)
            || portal_only.as_ref().is_some_and(|it| it.needs_a_person),
        portal_only,
        unusable_entries,
        odd_providers,
        providers,
    })
}

/// How the hours of each provider stand. Takes the providers' own out of the `audits`.
async fn provider_statuses(
    ctx: &Context,
    request: &StatusRequest,
    made_at: DateTime<Utc>,
    range: HourRange,
    audits: &mut BTreeMap<Option<ProviderName>, LastAudit>,
) -> Result<Vec<ProviderStatus>, PipelineError> {
    let mut found = ctx.store().found(range).await?;
    let planned = ctx.store().first_hours().await?;
    let looked_at = looked_at(ctx, request, made_at)?;
    let expected: Vec<_> = looked_at.iter().filter_map(Looked::expected).collect();
    let mut behind = behind_since(ctx, &expected, range.first()).await?;
    let mut providers = Vec::new();
    for looked in looked_at {
        let (name, due) = (&looked.name, looked.due);
        let mut status = provider_hours(ctx, &looked, range, made_at).await?;
        let is_expected = looked.is_requested && looked.active_from.is_none_or(|it| it < due);
        if is_expected && status.hours == 0 && !planned.contains_key(name) {
            status.problems = vec![never_planned(
                ctx.zone(),
                name,
                due,
                ctx.config().settings.has_portal,
            )];
        }
        status.enabled = looked.enabled;
        status.lag_hours = looked.lag_hours;
        let behind = behind.remove(name).unwrap_or_default();
        status.hours_behind = behind.hours;
        status.older = (behind.older)
            .map(|(first, undone)| OlderHours::new(ctx.zone(), name, due, first, undone));
        status.add(found.remove(name).unwrap_or_default());
        status.portal = audits
            .remove(&Some(name.clone()))
            .map(|last| PortalDifferences::new(ctx.zone(), Some(name), &last));
        providers.push(status);
    }
    Ok(providers)
}

/// How the hours of the range stand.
async fn provider_hours(
    ctx: &Context,
    looked: &Looked,
    range: HourRange,
    made_at: DateTime<Utc>,
) -> Result<ProviderStatus, PipelineError> {
    let has_portal = ctx.config().settings.has_portal;
    let provider = &looked.name;
    let mut tally = Tally::new(ctx.zone(), provider, looked.due, has_portal);
    let add = |row| tally.add(&row);
    ctx.store().hours(provider, range, add).await?;
    if tally.newest().is_none() {
        let before = range.first();
        let before = ctx.store().newest_complete_hour(provider, before).await?;
        tally.set_newest(before);
    }
    Ok(tally.end(made_at))
}

fn needs_a_person(providers: &[ProviderStatus]) -> bool {
    providers.iter().any(|provider| {
        let mut problems = provider.problems.iter();
        problems.any(|problem| problem.needs_a_person)
            || (provider.portal.as_ref()).is_some_and(|found| found.needs_a_person)
            || (provider.older.as_ref()).is_some_and(|older| older.needs_a_person)
    })
}

fn since(
    ctx: &Context,
    request: &StatusRequest,
    now: DateTime<Utc>,
) -> Result<Hour, PipelineError> {
    let zone = ctx.zone();
    let Some(text) = request.since.as_deref() else {
        let day = zone.civil(now - TimeDelta::days(DEFAULT_DAYS)).date();
        let first = zone.day(day).map(|day| day.first());
        return Ok(first.unwrap_or_else(|| Hour::containing(now - TimeDelta::days(DEFAULT_DAYS))));
    };
    Ok(zone.parse_day_or_hour(text)?)
}

impl ProviderStatus {
    fn add(&mut self, found: Found) {
        self.reject_reasons = found.reject_reasons;
        self.flags = found.flags;
        self.trips_withdrawn = found.withdrawn;
        self.blocks_waiting_for_portal = found.waiting_blocks;
    }
}
