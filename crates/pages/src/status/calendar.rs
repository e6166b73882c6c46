//! A picture of hours: a column for each day, from midnight at the top, and a colour for each
//! state.

use ::trips::block::HourRange;
use ::trips::hour_state::HourState;
use ::trips::time::CivilZone;
use chrono::Datelike;
use pipeline::DayStatus;

use super::class;

/// The height of an hour.
const HOUR: usize = 6;
/// The day on which the clocks go back has 25 hours.
pub(super) const HEIGHT: usize = 25 * HOUR;
/// A calendar of few days is wide enough to read, and one of a year not too wide.
const WIDTHS: std::ops::RangeInclusive<usize> = 3..=16;
const ROOM: usize = 900;

/// Consecutive hours of a day in the same state.
pub(super) struct Run {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) height: usize,
    pub(super) class: &'static str,
    /// `2020-03-01, 5 to 7: failed`.
    pub(super) words: String,
}

/// A day's name below its column.
pub(super) struct Mark {
    pub(super) x: usize,
    pub(super) text: String,
}

pub(super) struct Calendar {
    pub(super) width: usize,
    pub(super) day_width: usize,
    pub(super) runs: Vec<Run>,
    pub(super) marks: Vec<Mark>,
}

impl Calendar {
    pub(super) fn new(zone: &CivilZone, days: &[DayStatus]) -> Self {
        let day_width = day_width(days.len());
        let columns = || days.iter().enumerate().map(|(n, day)| (n * day_width, day));
        Self {
            width: days.len() * day_width,
            day_width,
            runs: columns().flat_map(|(x, day)| runs(zone, x, day)).collect(),
            marks: marks(days, day_width),
        }
    }

    pub(super) fn height(&self) -> usize {
        HEIGHT
    }

    /// A gap between columns, where there is room for one.
    pub(super) fn run_width(&self) -> usize {
        if self.day_width > 5 {
            self.day_width - 1
        } else {
            self.day_width
        }
    }
}

pub(super) fn day_width(days: usize) -> usize {
    (ROOM / days.max(1)).clamp(*WIDTHS.start(), *WIDTHS.end())
}

fn runs(zone: &CivilZone, x: usize, day: &DayStatus) -> Vec<Run> {
    let mut runs = Vec::new();
    // A provider's first day and the current one may lack hours at their ends.
    let first = first_row(zone, day);
    let states: Vec<HourState> = day.hours.iter().map(|hour| hour.state).collect();
    let mut from = 0;
    for same in states.chunk_by(|a, b| a == b) {
        let (start, end) = (first + from, first + from + same.len());
        let state = same.first().copied().unwrap_or(HourState::Missing);
        runs.push(Run {
            x,
            y: start * HOUR,
            height: same.len() * HOUR,
            class: class(state),
            words: format!("{}, {start} to {end} h: {state}", day.day),
        });
        from += same.len();
    }
    runs
}

/// How many hours of the day lie before its first one here.
fn first_row(zone: &CivilZone, day: &DayStatus) -> usize {
    let first = day.hours.first().map(|hour| hour.hour);
    let passed = zone
        .day(day.day)
        .zip(first)
        .and_then(|(day, first)| HourRange::new(day.first(), first));
    passed.map_or(0, |passed| usize::try_from(passed.len()).unwrap_or(0))
}

/// Names the first day, and each Monday or first of a month as there is room.
fn marks(days: &[DayStatus], day_width: usize) -> Vec<Mark> {
    let by_month = days.len() > 80;
    let mut marks: Vec<Mark> = Vec::new();
    for (n, day) in days.iter().enumerate() {
        let date = day.day;
        let is_named = if by_month {
            date.day() == 1
        } else {
            date.weekday().num_days_from_monday() == 0
        };
        let x = n * day_width;
        let has_room = marks.last().is_none_or(|last| x >= last.x + 60);
        if (n == 0 || is_named) && has_room {
            let form = if by_month { "%b %Y" } else { "%-d %b" };
            marks.push(Mark {
                x,
                text: date.format(form).to_string(),
            });
        }
    }
    marks
}

#[cfg(test)]
mod tests;
