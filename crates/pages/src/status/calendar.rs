//! A picture of hours: a column for each day, from midnight at the top, and a colour for each
//! state.

use ::trips::block::HourRange;
use ::trips::time::CivilZone;
use chrono::Datelike;
use pipeline::{DayStatus, HourStatus};

use super::shapes::{Shape, Shapes};

/// The height of an hour.
const HOUR: usize = 6;
/// The day on which the clocks go back has 25 hours.
pub(super) const HEIGHT: usize = 25 * HOUR;
/// A calendar of few days is wide enough to read, and one of a quarter not too wide.
const WIDTHS: std::ops::RangeInclusive<usize> = 8..=36;
const ROOM: usize = 900;
/// Room for the name of a day: on a wide page, and as a part of the picture, which is narrower on a
/// phone.
const MARK_ROOM: usize = 60;
const MARKS: usize = 7;

/// A day's name below its column.
pub(super) struct Mark {
    /// From the left, in thousandths of the picture's width.
    pub(super) left: usize,
    pub(super) text: String,
}

impl Mark {
    /// From the left, as a style sheet has it.
    pub(super) fn percent(&self) -> String {
        format!("{}.{}%", self.left / 10, self.left % 10)
    }
}

pub(super) struct Calendar {
    /// `January 2020` or `1 Feb to 7 Mar 2020`.
    pub(super) title: String,
    pub(super) width: usize,
    pub(super) shapes: Shapes,
    pub(super) marks: Vec<Mark>,
}

impl Calendar {
    /// Hours that are not whole have words, which appear when one points at them.
    pub(super) fn new(zone: &CivilZone, days: &[DayStatus]) -> Self {
        let day_width = day_width(days.len());
        let mut shapes = Shapes::default();
        for (n, day) in days.iter().enumerate() {
            add_day(&mut shapes, zone, n * day_width, day_width - 1, day);
        }
        Self {
            title: title(days),
            width: days.len() * day_width,
            shapes,
            marks: marks(days, day_width),
        }
    }

    pub(super) fn height(&self) -> usize {
        HEIGHT
    }
}

pub(super) fn day_width(days: usize) -> usize {
    (ROOM / days.max(1)).clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// Consecutive hours in the same state are one rectangle.
fn add_day(shapes: &mut Shapes, zone: &CivilZone, x: usize, width: usize, day: &DayStatus) {
    // A provider's first day and the current one may lack hours at their ends, and hours that are
    // not due may lie between others.
    let is_next = |a: &HourStatus, b: &HourStatus| a.state == b.state && a.hour.next() == b.hour;
    for same in day.hours.chunk_by(is_next) {
        let Some(first) = same.first() else {
            continue;
        };
        let start = row(zone, day, first);
        let end = start + same.len();
        let shape = Shape {
            x,
            y: start * HOUR,
            width,
            height: same.len() * HOUR,
            state: first.state,
        };
        shapes.add(shape, || {
            format!("{}, {start} to {end} h: {}", day.day, first.state)
        });
    }
}

/// How many hours of the day lie before one of its hours.
fn row(zone: &CivilZone, day: &DayStatus, hour: &HourStatus) -> usize {
    let passed = zone
        .day(day.day)
        .and_then(|day| HourRange::new(day.first(), hour.hour));
    passed.map_or(0, |passed| usize::try_from(passed.len()).unwrap_or(0))
}

/// Names the first day, and each Monday or first of a month as there is room.
fn marks(days: &[DayStatus], day_width: usize) -> Vec<Mark> {
    let width = days.len() * day_width;
    let room = MARK_ROOM.max(width / MARKS);
    let mut marks: Vec<(usize, Mark)> = Vec::new();
    for (n, day) in days.iter().enumerate() {
        let is_named = day.day.weekday().num_days_from_monday() == 0;
        let x = n * day_width;
        let has_room = marks.last().is_none_or(|(last, _)| x >= last + room);
        let fits = n == 0 || x + room <= width;
        if (n == 0 || is_named) && has_room && fits {
            let mark = Mark {
                left: x * 1000 / width.max(1),
                text: day.day.format("%-d %b").to_string(),
            };
            marks.push((x, mark));
        }
    }
    marks.into_iter().map(|(_, mark)| mark).collect()
}

pub(super) fn title(days: &[DayStatus]) -> String {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return String::new();
    };
    let last_day = last.day.format("%-d %B %Y");
    if first.day == last.day {
        last_day.to_string()
    } else {
        format!("{} to {last_day}", first.day.format("%-d %B %Y"))
    }
}

#[cfg(test)]
pub(crate) mod tests;
