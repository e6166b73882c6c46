//! The sums of an hour, by which both sides are compared first.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDateTime, Timelike};
use store::HourTotals;
use trips::block::{Hour, HourRange};
use trips::public_row::TimeRounding;
use trips::time::CivilZone;

/// Number of rows, sums of durations and distances, and newest `modified_date` of an hour.
///
/// Whatever the database changes in a row changes its `modified_date`. The sum of their seconds of
/// the day tells whether the portal has a row as it was before, although another one is newer. The
/// first and the last of the starts and ends tell whether times are rounded as they are now: both,
/// since an end, or all ends of a provider, may be a multiple anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HourSums {
    pub(super) rows: u64,
    pub(super) seconds: i128,
    pub(super) metres: i128,
    pub(super) newest: Option<NaiveDateTime>,
    pub(super) modified_at: i128,
    pub(super) first_end: Option<NaiveDateTime>,
    pub(super) last_end: Option<NaiveDateTime>,
    pub(super) first_start: Option<NaiveDateTime>,
    pub(super) last_start: Option<NaiveDateTime>,
}

impl HourSums {
    /// The database's hours, over all providers, in the published form.
    pub(super) fn of_database(
        totals: &[HourTotals],
        rounding: TimeRounding,
    ) -> BTreeMap<Hour, Self> {
        let mut hours = BTreeMap::<Hour, Self>::new();
        for part in totals {
            let sums = Self {
                rows: part.trips,
                seconds: part.seconds,
                metres: part.metres,
                modified_at: part.modified_at.into(),
                newest: Some(whole_second(part.newest.naive_utc())),
                first_end: Some(rounding.round(part.first_end).naive_utc()),
                last_end: Some(rounding.round(part.last_end).naive_utc()),
                first_start: Some(rounding.round(part.first_start).naive_utc()),
                last_start: Some(rounding.round(part.last_start).naive_utc()),
            };
            match hours.get_mut(&part.hour) {
                Some(hour) => hour.add(&sums),
                None => {
                    hours.insert(part.hour, sums);
                }
            }
        }
        hours
    }

    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.seconds += other.seconds;
        self.metres += other.metres;
        self.modified_at += other.modified_at;
        self.newest = self.newest.max(other.newest);
        self.first_end = self.first_end.min(other.first_end);
        self.last_end = self.last_end.max(other.last_end);
        self.first_start = self.first_start.min(other.first_start);
        self.last_start = self.last_start.max(other.last_start);
    }
}

/// A published time has no fraction of a second.
pub(super) fn whole_second(time: NaiveDateTime) -> NaiveDateTime {
    time.with_nanosecond(0).unwrap_or(time)
}

/// Cuts a range at the city's months.
pub(super) fn months(range: HourRange, zone: &CivilZone) -> impl Iterator<Item = HourRange> {
    let zone = *zone;
    let mut rest = Some(range);
    std::iter::from_fn(move || {
        let open = rest.take()?;
        let until = next_month(open.first(), &zone).map_or(open.end(), |at| at.min(open.end()));
        rest = HourRange::new(until, open.end());
        HourRange::new(open.first(), until)
    })
}

/// The first hour of the civil month after an hour's. `None` beyond the years of the zone.
fn next_month(hour: Hour, zone: &CivilZone) -> Option<Hour> {
    let civil = zone.civil(hour.start());
    let (year, month) = match civil.month() {
        12 => (civil.year() + 1, 1),
        month => (civil.year(), month + 1),
    };
    zone.parse_time(&format!("{year:04}-{month:02}-01-00")).ok()
}
