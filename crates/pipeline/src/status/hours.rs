//! From the rows of the schedule to the hours of a provider, those without a row included.

use std::collections::BTreeMap;

use store::HourRow;
use trips::block::{Hour, HourRange, ProviderName};
use trips::hour_state::HourState;
use trips::time::CivilZone;

use super::problems::Problems;
use super::{DayStatus, HourStatus, ProviderStatus, Span};

/// Puts the hours of a provider in order: those of the schedule, and the due ones that no run has
/// planned. The rows are in the order of their hours.
pub(super) fn provider_status(
    zone: &CivilZone,
    provider: &ProviderName,
    span: Span,
    rows: &[HourRow],
) -> ProviderStatus {
    let mut status = empty(provider);
    let mut problems = Problems::new(zone, provider, span);
    for (hour, row) in hours(span, rows) {
        let state = row.map_or(HourState::Missing, |row| row.status.into());
        if hour >= span.due && matches!(state, HourState::Missing | HourState::NotPublishedYet) {
            continue;
        }
        status.hours += 1;
        *status.states.entry(state).or_default() += 1;
        if let Some(row) = row {
            status.count(row);
        }
        if state.is_complete() {
            status.newest_hour = Some(hour.label(zone));
        } else {
            problems.add(hour, state, row.and_then(|row| row.message.as_deref()));
            if status.hours_behind == 0 && hour < span.due {
                status.hours_behind = hours_until(hour, span.due);
            }
        }
        let trips = row.and_then(|row| row.fetched);
        add_hour(zone, &mut status.days, HourStatus { hour, state, trips });
    }
    status.problems = problems.end();
    status
}

/// The hours to look at, each with its row, as the view `api.hours` has them: those that are
/// expected since the provider's start, and those of the schedule.
fn hours<'a>(
    span: Span,
    rows: &'a [HourRow],
) -> impl Iterator<Item = (Hour, Option<&'a HourRow>)> + 'a {
    let first_row = rows.first().map(|row| row.hour);
    let first = span.first.into_iter().chain(first_row).min();
    let first = first.unwrap_or(span.due).max(span.since);
    let newest = rows.last().map(|row| row.hour.next());
    let end = newest.map_or(span.due, |newest| newest.max(span.due));
    let mut rows = rows.iter().peekable();
    let range = HourRange::new(first, end);
    range
        .into_iter()
        .flat_map(|range| range.iter())
        .map(move |hour| {
            while rows.peek().is_some_and(|row| row.hour < hour) {
                rows.next();
            }
            (hour, rows.next_if(|row| row.hour == hour))
        })
        .filter(move |(hour, row)| {
            let is_expected = span.first.is_some_and(|first| *hour >= first);
            row.is_some() || is_expected
        })
}

fn hours_until(from: Hour, end: Hour) -> u64 {
    HourRange::new(from, end).map_or(0, |range| range.len())
}

/// A day belongs to its hours' starts, as in the schedule.
fn add_hour(zone: &CivilZone, days: &mut Vec<DayStatus>, hour: HourStatus) {
    let day = zone.civil(hour.hour.start()).date();
    if days.last().is_none_or(|last| last.day != day) {
        days.push(DayStatus {
            day,
            states: BTreeMap::new(),
            trips: 0,
            incomplete: BTreeMap::new(),
            hours: Vec::new(),
        });
    }
    let Some(last) = days.last_mut() else {
        return;
    };
    *last.states.entry(hour.state).or_default() += 1;
    last.trips += hour.trips.unwrap_or(0);
    if !hour.state.is_complete() {
        last.incomplete.insert(hour.hour.label(zone), hour.state);
    }
    last.hours.push(hour);
}

fn empty(provider: &ProviderName) -> ProviderStatus {
    ProviderStatus {
        provider: provider.clone(),
        enabled: true,
        lag_hours: 0,
        hours: 0,
        states: BTreeMap::new(),
        newest_hour: None,
        hours_behind: 0,
        trips_fetched: 0,
        trips_rejected: 0,
        trips_duplicates: 0,
        trips_late: 0,
        trips_withdrawn: 0,
        blocks_waiting_for_portal: 0,
        reject_reasons: BTreeMap::new(),
        flags: BTreeMap::new(),
        problems: Vec::new(),
        days: Vec::new(),
    }
}

impl ProviderStatus {
    fn count(&mut self, row: &HourRow) {
        self.trips_fetched += row.fetched.unwrap_or(0);
        self.trips_rejected += row.rejected;
        self.trips_duplicates += row.duplicates;
        self.trips_late += row.late;
    }
}

#[cfg(test)]
mod tests;
