//! The monthly report: the trips of each provider, before and after the city's filters.

use chrono::{DateTime, Utc};
use serde::Serialize;
use store::{MadeReport, ReportedCounts, Seen, TripFilters};
use trips::block::{Hour, HourRange};
use trips::time::Month;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};

mod figures;
mod filters;
mod providers;

pub use self::figures::TripFigures;
pub use self::filters::ReportFilters;
use self::providers::providers;

/// The trips that ended in a civil month of the city.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TripReport {
    /// The month.
    pub month: Month,
    /// The city's time zone, by its name: the month is one of its civil time.
    pub time_zone: String,
    /// When the report was made.
    pub made_at: DateTime<Utc>,
    /// Which trips `trips_after_filters` counts.
    pub filters: ReportFilters,
    /// The report of the same month that this one is compared with; `None` if there is none.
    pub compared_with: Option<DateTime<Utc>>,
    /// Number of hours of the month that have ended.
    pub hours: u64,
    /// Number of hours of the whole month.
    pub month_hours: u64,
    /// The providers in the order of their names: all that have blocks or trips in the month.
    pub providers: Vec<ProviderTrips>,
    /// All providers together.
    pub total: TripFigures,
    /// Which changes of trips the report has seen, for the next one.
    #[serde(skip)]
    pub seen: Seen,
}

/// The trips of a provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProviderTrips {
    /// The provider's name.
    pub provider: String,
    /// Number of hours of the month that are loaded. Empty hours count, hours of which every trip
    /// was rejected do not. If it is less than `hours_due`, trips are missing.
    pub hours_loaded: u64,
    /// Number of hours of the month that should be loaded: those since the provider's start that
    /// are older than its lag, and those that have more already. Unlike in `mds status`, they are
    /// those of a disabled provider, too: when it left is not known.
    pub hours_due: u64,
    /// Those of them that no run has ever planned.
    pub hours_never_requested: u64,
    /// Whether runs for all providers include it. One that the providers file does not have is not
    /// enabled.
    pub enabled: bool,
    /// Label of the provider's first hour, if nobody has said when it began (`active_from`), and
    /// the month has hours before it. They are not in `hours_due`.
    pub first_hour: Option<String>,
    /// When the provider was last requested for one of the trips.
    pub received_at: Option<DateTime<Utc>>,
    /// The counts.
    #[serde(flatten)]
    pub figures: TripFigures,
    /// The counts by type of vehicle, in the order of their names.
    pub vehicle_types: Vec<VehicleTrips>,
    /// What has changed since the report that this one is compared with.
    pub since: Option<SinceReport>,
}

impl ProviderTrips {
    /// Number of hours that should be loaded and are not.
    #[must_use]
    pub fn hours_missing(&self) -> u64 {
        self.hours_due.saturating_sub(self.hours_loaded)
    }

    /// The missing hours that no run requests, since the provider is disabled.
    #[must_use]
    pub fn hours_left_out(&self) -> u64 {
        if self.enabled {
            0
        } else {
            self.hours_never_requested
        }
    }

    /// The missing hours without those that are left out.
    #[must_use]
    pub fn hours_not_loaded(&self) -> u64 {
        self.hours_missing().saturating_sub(self.hours_left_out())
    }
}

/// The trips of one type of vehicle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VehicleTrips {
    /// MDS's word, `other` for any other; `None` if the provider did not say.
    pub vehicle_type: Option<String>,
    /// The counts.
    #[serde(flatten)]
    pub figures: TripFigures,
}

/// What has changed since an earlier report of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SinceReport {
    /// Trips that have arrived or were corrected.
    pub arrived_or_corrected: u64,
    /// Trips that were withdrawn.
    pub withdrawn: u64,
    /// Trips now, less those of the earlier report.
    pub trips: i64,
    /// Trips after the filters, less those of the earlier report. `None` if it had other filters.
    pub trips_after_filters: Option<i64>,
}

/// What a report is asked for.
#[derive(Debug, Clone, Copy)]
pub struct TripReportRequest {
    /// The month.
    pub month: Month,
    /// Which trips count.
    pub filters: ReportFilters,
    /// Compare with the last report before this time. `None`: with the last one.
    pub since: Option<DateTime<Utc>>,
}

/// Counts the trips of a month.
///
/// # Errors
///
/// `InvalidInput` for a month that has not begun; `DatabaseUnavailable`.
pub async fn trip_report(
    ctx: &Context,
    request: TripReportRequest,
) -> Result<TripReport, PipelineError> {
    let store = ctx.store();
    let now = store.now().await?;
    let (range, month_hours) = month_until(ctx, request.month, now)?;
    let until = request.since.unwrap_or(now);
    let earlier = store.last_report(request.month.first_day(), until).await?;
    let filters: TripFilters = request.filters.into();
    let seen = earlier.as_ref().map(|it| &it.seen);
    let counts = store.count_trips(range, filters, seen).await?;
    Ok(TripReport {
        month: request.month,
        time_zone: ctx.zone().name().to_owned(),
        made_at: counts.seen.made_at,
        filters: request.filters,
        compared_with: seen.map(|seen| seen.made_at),
        hours: range.len(),
        month_hours,
        total: counts.groups.iter().collect(),
        providers: providers(ctx, &counts, earlier.as_ref(), filters),
        seen: counts.seen,
    })
}

/// Records a report, so that the next one of its month can be compared with it. A report that says
/// the same as the last one is not recorded.
///
/// # Errors
///
/// `DatabaseUnavailable`; `ConfigInvalid` if the database's role may only read.
pub async fn record_trip_report(ctx: &Context, report: &TripReport) -> Result<(), PipelineError> {
    let made = MadeReport {
        seen: report.seen.clone(),
        filters: report.filters.into(),
        providers: report.providers.iter().map(reported).collect(),
    };
    let month = report.month.first_day();
    let last = ctx.store().last_report(month, report.made_at).await?;
    let is_news = report
        .providers
        .iter()
        .filter_map(|it| it.since)
        .any(|since| since.arrived_or_corrected + since.withdrawn > 0);
    let is_same = last.is_some_and(|last| {
        last.filters == made.filters && last.providers == made.providers && !is_news
    });
    if !is_same {
        ctx.store().record_report(month, &made).await?;
    }
    Ok(())
}

fn reported(provider: &ProviderTrips) -> (String, ReportedCounts) {
    let counts = ReportedCounts {
        trips: provider.figures.trips,
        counted: provider.figures.trips_after_filters,
    };
    (provider.provider.clone(), counts)
}

/// The hours of a month that have ended, and how many the whole month has.
fn month_until(
    ctx: &Context,
    month: Month,
    now: DateTime<Utc>,
) -> Result<(HourRange, u64), PipelineError> {
    let wrong = |why: &str| PipelineError::new(ErrorName::InvalidInput, format!("{month} {why}"));
    let whole = ctx
        .zone()
        .month(month)
        .ok_or_else(|| wrong("has no hours in the city's time zone"))?;
    let end = whole.end().min(Hour::containing(now));
    HourRange::new(whole.first(), end)
        .map(|range| (range, whole.len()))
        .ok_or_else(|| wrong("has not begun: its first hour has not ended yet"))
}
