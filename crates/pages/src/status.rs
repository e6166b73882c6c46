//! The status page: a calendar of each provider's hours, and what keeps them from being whole.

use std::collections::BTreeMap;

use ::trips::block::Hour;
use ::trips::hour_state::HourState;
use ::trips::time::CivilZone;
use ::trips::words::grouped;
use askama::Template;
use chrono::{DateTime, Utc};
use pipeline::{OlderHours, PortalDifferences, Problem, ProviderStatus, StatusReport};

use crate::PageError;

mod calendar;
mod chart;
mod days;
mod glance;
mod shapes;
mod weeks;
mod words;

use self::calendar::Calendar;
use self::chart::Chart;
use self::days::{DayRow, day_rows};
use self::glance::Glance;
use self::weeks::Weeks;

/// The calendar of more days shows days, and hours by the quarter to those who ask.
const DAYS_BY_HOUR: usize = 62;
/// Days of a calendar of hours, if there are many.
const DAYS_OF_PART: usize = 92;

/// Writes the status page. Times on it are civil times of the city.
///
/// # Errors
///
/// [`PageError`] if the template fails.
pub fn status(report: &StatusReport, zone: &CivilZone) -> Result<String, PageError> {
    let page = Page {
        title: "Hours of each provider".to_owned(),
        report,
        zone,
        glance: Glance::new(&report.providers),
        providers: report
            .providers
            .iter()
            .map(|status| Section::new(zone, status))
            .collect(),
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "status.html")]
struct Page<'a> {
    title: String,
    report: &'a StatusReport,
    zone: &'a CivilZone,
    glance: Glance<'a>,
    providers: Vec<Section<'a>>,
}

impl Page<'_> {
    fn time(&self, instant: &DateTime<Utc>) -> String {
        self.zone
            .civil(*instant)
            .format("%Y-%m-%d %H:%M")
            .to_string()
    }

    fn hour(&self, hour: &Hour) -> String {
        self.time(&hour.start())
    }

    /// The problems of a person come first on the page.
    fn urgent(&self) -> Vec<(&str, &Problem)> {
        let providers = self.report.providers.iter();
        let problems = providers.flat_map(|it| {
            let problems = it.problems.iter();
            problems.map(|problem| (it.provider.as_str(), problem))
        });
        problems
            .filter(|(_, problem)| problem.needs_a_person)
            .collect()
    }

    fn older(&self) -> Vec<(&str, &OlderHours)> {
        let providers = self.report.providers.iter();
        let older = providers.filter_map(|it| Some((it.provider.as_str(), it.older.as_ref()?)));
        older.collect()
    }

    /// What of the portal's rows belongs to no provider, if there is any and an audit mends it.
    fn portal_only(&self) -> Option<&PortalDifferences> {
        let found = self.report.portal_only.as_ref();
        found.filter(|it| it.count() > 0 && !it.needs_a_person)
    }

    /// What no audit mends, by its provider, or as rows that belong to none.
    fn left(&self) -> Vec<(&str, &PortalDifferences)> {
        let providers = self.report.providers.iter();
        let found = providers.filter_map(|it| Some((it.provider.as_str(), it.portal.as_ref()?)));
        let of_none = self.report.portal_only.as_ref().map(|found| {
            let is_of_database = found.missing + found.different > 0;
            let name = if is_of_database {
                "Rows without a block"
            } else {
                "Rows that only the portal has"
            };
            (name, found)
        });
        found
            .chain(of_none)
            .filter(|(_, found)| found.needs_a_person)
            .collect()
    }
}

/// What the page says of a provider.
struct Section<'a> {
    status: &'a ProviderStatus,
    /// The days by week, if there are too many for their hours.
    weeks: Option<Weeks>,
    /// The hours: all of them, or those of each part.
    calendars: Vec<Calendar>,
    chart: Chart,
    day_rows: Vec<DayRow>,
    /// Days with hours that are not whole, beyond those.
    days_not_shown: usize,
}

impl<'a> Section<'a> {
    fn new(zone: &CivilZone, status: &'a ProviderStatus) -> Self {
        let days = &status.days;
        let by_hour = days.len() <= DAYS_BY_HOUR;
        let weeks = (!by_hour).then(|| Weeks::new(days));
        let part = if by_hour { DAYS_BY_HOUR } else { DAYS_OF_PART };
        let calendars: Vec<_> = days
            .chunks(part)
            .map(|part| Calendar::new(zone, part))
            .collect();
        let width = weeks.as_ref().map(|weeks| weeks.width);
        let width = width.or(calendars.first().map(|calendar| calendar.width));
        let (day_rows, days_not_shown) = day_rows(days);
        Self {
            status,
            chart: Chart::new(days, width.unwrap_or(0), by_hour),
            weeks,
            calendars,
            day_rows,
            days_not_shown,
        }
    }

    fn count(&self, state: &HourState) -> String {
        grouped(self.status.states.get(state).copied().unwrap_or(0))
    }

    fn has_found(&self) -> bool {
        !self.status.reject_reasons.is_empty() || !self.status.flags.is_empty()
    }

    fn complete(&self) -> u64 {
        let states = self.status.states.iter();
        states
            .filter(|(state, _)| state.is_complete())
            .map(|(_, count)| count)
            .sum()
    }

    fn states(&self) -> String {
        words::states(&self.status.states)
    }

    /// The most frequent first.
    fn by_count<'b>(&self, counts: &'b BTreeMap<String, u64>) -> Vec<(&'b str, u64)> {
        let mut counts: Vec<_> = counts
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }
}

/// The name of a state in the style sheet.
fn class(state: HourState) -> &'static str {
    match state {
        HourState::Whole => "whole",
        HourState::Empty => "empty",
        HourState::UnderWay => "under-way",
        HourState::NotPublishedYet => "not-yet",
        HourState::Missing => "missing",
        HourState::Failed => "failed",
        HourState::AllRejected => "rejected",
    }
}

#[cfg(test)]
mod tests;
