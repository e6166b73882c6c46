//! How many published rows stand alone with their tracts and times.

use serde::Serialize;
use store::LoneRows;
use trips::time::Month;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};

/// What the published rows tell about single trips, month by month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrivacyReport {
    /// `PUBLIC_TIME_ROUNDING_MINUTES`.
    pub time_rounding_minutes: u32,
    /// The months with rows, in order.
    pub months: Vec<MonthPrivacy>,
}

/// The rows whose trips ended in a civil month of the city.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthPrivacy {
    /// The month.
    pub month: Month,
    /// What the portal has.
    #[serde(flatten)]
    pub published: AloneRows,
    /// Rows that are loaded and that the portal does not have yet.
    pub not_published: u64,
    /// What the portal will have with these; `None` without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_not_published: Option<AloneRows>,
}

/// How many rows stand alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AloneRows {
    /// All rows.
    pub rows: u64,
    /// Rows that are the only one with their pair of tracts and their times as published.
    pub alone_as_published: u64,
    /// Rows that would be with times rounded to 15 minutes.
    pub alone_at_15_minutes: u64,
}

impl AloneRows {
    fn of(lone: LoneRows) -> Self {
        Self {
            rows: lone.rows,
            alone_as_published: lone.as_published,
            alone_at_15_minutes: lone.by_quarter_hours,
        }
    }
}

/// Counts the published rows, and those that are alone with their pair of tracts, start and end: of
/// one month, or of all. The database counts month by month.
///
/// # Errors
///
/// `DatabaseUnavailable`, `ConfigInvalid`; `InvalidInput` for a month that cannot be.
pub async fn privacy_report(
    ctx: &Context,
    month: Option<Month>,
) -> Result<PrivacyReport, PipelineError> {
    let times = ctx.public_times()?;
    let mut report = PrivacyReport {
        time_rounding_minutes: times.rounding.as_minutes(),
        months: Vec::new(),
    };
    let Some((first, last)) = first_and_last(ctx, month).await? else {
        return Ok(report);
    };
    let mut next = Some(first);
    while let Some(month) = next.filter(|month| *month <= last) {
        let range = times.zone.month(month).ok_or_else(|| {
            PipelineError::new(
                ErrorName::InvalidInput,
                format!("the month {month} has no hours in {}", times.zone),
            )
        })?;
        let lone = ctx.store().lone_rows(range, times.rounding, false).await?;
        let with_not_published = match lone.not_published {
            0 => None,
            _ => Some(ctx.store().lone_rows(range, times.rounding, true).await?),
        };
        if lone.rows > 0 || with_not_published.is_some() {
            report.months.push(MonthPrivacy {
                month,
                published: AloneRows::of(lone),
                not_published: lone.not_published,
                with_not_published: with_not_published.map(AloneRows::of),
            });
        }
        next = month.next();
    }
    Ok(report)
}

async fn first_and_last(
    ctx: &Context,
    month: Option<Month>,
) -> Result<Option<(Month, Month)>, PipelineError> {
    if let Some(month) = month {
        return Ok(Some((month, month)));
    }
    let ends = ctx.store().first_and_last_end().await?;
    let month = |instant| Month::containing(ctx.zone().civil(instant).date());
    Ok(ends.map(|(first, last)| (month(first), month(last))))
}
