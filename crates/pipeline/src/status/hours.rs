//! From the hours of a provider, one after the other, to how they stand together.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use store::HourRow;
use trips::block::{Hour, ProviderName};
use trips::hour_state::HourState;
use trips::status::BlockStatus;
use trips::time::CivilZone;

use super::problems::Problems;
use super::{DayStatus, HourStatus, ProviderStatus};

/// Takes the hours of a provider in their order, and keeps of each what a calendar shows.
pub(super) struct Tally<'a> {
    zone: &'a CivilZone,
    newest: Option<Hour>,
    problems: Problems<'a>,
    status: ProviderStatus,
}

impl<'a> Tally<'a> {
    pub(super) fn new(
        zone: &'a CivilZone,
        provider: &'a ProviderName,
        due: Hour,
        has_portal: bool,
    ) -> Self {
        Self {
            zone,
            newest: None,
            problems: Problems::new(zone, provider, due, has_portal),
            status: empty(provider),
        }
    }

    pub(super) fn add(&mut self, row: &HourRow) {
        let (hour, state) = (row.hour, self.state(row));
        let status = &mut self.status;
        status.hours += 1;
        *status.states.entry(state).or_default() += 1;
        status.count(row);
        if row.fetched.is_some_and(|trips| trips > 0) {
            status.newest_hour_with_trips = Some(hour.label(self.zone));
        }
        if state.is_complete() {
            self.newest = Some(hour);
            // What was refused changes nothing of the hour, but somebody has to decide. What the
            // response may lack is told.
            if row.message.is_some() {
                self.problems.add(hour, state, row.message.as_deref());
            }
        } else {
            self.problems.add(hour, state, row.message.as_deref());
        }
        let trips = row.fetched;
        let hour = HourStatus { hour, state, trips };
        add_hour(self.zone, &mut status.days, hour);
    }

    /// Without a portal, an hour is whole once it is loaded.
    fn state(&self, row: &HourRow) -> HourState {
        if row.status.is_some_and(BlockStatus::is_waiting) && !self.problems.has_portal {
            HourState::Whole
        } else {
            row.state
        }
    }

    /// The newest hour that is whole or empty.
    pub(super) fn newest(&self) -> Option<Hour> {
        self.newest
    }

    pub(super) fn set_newest(&mut self, newest: Option<Hour>) {
        self.newest = newest;
    }

    pub(super) fn end(self, now: DateTime<Utc>) -> ProviderStatus {
        let end = self.newest.map(|hour| hour.end());
        ProviderStatus {
            newest_hour: self.newest.map(|hour| hour.label(self.zone)),
            newest_hour_end: end,
            hours_since_newest: end.map(|end| (now - end).num_hours().max(0).unsigned_abs()),
            problems: self.problems.end(),
            ..self.status
        }
    }
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
        newest_hour_end: None,
        hours_since_newest: None,
        newest_hour_with_trips: None,
        hours_behind: 0,
        older: None,
        trips_fetched: 0,
        trips_rejected: 0,
        trips_duplicates: 0,
        trips_late: 0,
        trips_withdrawn: 0,
        blocks_waiting_for_portal: 0,
        portal: None,
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
