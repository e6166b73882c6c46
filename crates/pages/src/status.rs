//! The status page: a calendar of each provider's hours, and what keeps them from being whole.

use std::collections::BTreeMap;

use ::trips::block::Hour;
use ::trips::hour_state::HourState;
use ::trips::time::CivilZone;
use askama::Template;
use chrono::{DateTime, Utc};
use pipeline::{ProviderStatus, StatusReport};

use crate::PageError;
use crate::numbers::grouped;

mod calendar;
mod chart;

use self::calendar::Calendar;
use self::chart::Chart;

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
}

/// What the page says of a provider.
struct Section<'a> {
    status: &'a ProviderStatus,
    calendar: Calendar,
    chart: Chart,
    incomplete_days: Vec<IncompleteDay>,
}

/// A day with hours that are neither whole nor empty.
struct IncompleteDay {
    day: String,
    /// `failed: 05, 06`, by state.
    hours: String,
}

/// The newest of them; a page is not read to the end of years.
const SHOWN_DAYS: usize = 60;

impl<'a> Section<'a> {
    fn new(zone: &CivilZone, status: &'a ProviderStatus) -> Self {
        Self {
            status,
            calendar: Calendar::new(zone, &status.days),
            chart: Chart::new(&status.days),
            incomplete_days: incomplete_days(status),
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

    fn days_not_shown(&self) -> usize {
        let days = self
            .status
            .days
            .iter()
            .filter(|day| !day.incomplete.is_empty());
        days.count().saturating_sub(SHOWN_DAYS)
    }
}

fn incomplete_days(status: &ProviderStatus) -> Vec<IncompleteDay> {
    let days = status
        .days
        .iter()
        .rev()
        .filter(|day| !day.incomplete.is_empty());
    days.take(SHOWN_DAYS)
        .map(|day| {
            let mut by_state: BTreeMap<HourState, Vec<&str>> = BTreeMap::new();
            for (label, state) in &day.incomplete {
                by_state.entry(*state).or_default().push(label);
            }
            let texts: Vec<_> = by_state
                .into_iter()
                .map(|(state, labels)| format!("{state}: {}", labels.join(", ")))
                .collect();
            IncompleteDay {
                day: day.day.format("%a, %-d %B %Y").to_string(),
                hours: texts.join("; "),
            }
        })
        .collect()
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
