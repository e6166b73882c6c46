//! A picture of days: a column for each week, from Monday at the top, and for each day the colour
//! of the hours that most need a look.

use ::trips::hour_state::HourState;
use chrono::{Datelike, NaiveDate};
use pipeline::DayStatus;

use super::calendar::Mark;
use super::shapes::{Shape, Shapes};
use super::words::states;

/// The size of a day.
const DAY: usize = 15;
const HEIGHT: usize = 7 * DAY;

/// What most needs a look comes first.
const URGENCY: [HourState; 7] = [
    HourState::Failed,
    HourState::AllRejected,
    HourState::Missing,
    HourState::NotPublishedYet,
    HourState::UnderWay,
    HourState::Whole,
    HourState::Empty,
];

/// The state that stands for a day.
pub(super) fn state_of(day: &DayStatus) -> HourState {
    let mut found = URGENCY.into_iter().filter(|it| day.states.contains_key(it));
    found.next().unwrap_or(HourState::Empty)
}

pub(super) struct Weeks {
    pub(super) width: usize,
    pub(super) shapes: Shapes,
    pub(super) marks: Vec<Mark>,
}

impl Weeks {
    pub(super) fn new(days: &[DayStatus]) -> Self {
        let Some(first) = days.first().map(|day| day.day) else {
            return Self {
                width: 0,
                shapes: Shapes::default(),
                marks: Vec::new(),
            };
        };
        let place = |day: NaiveDate| {
            let days = (day - first).num_days() + i64::from(first.weekday().num_days_from_monday());
            let days = usize::try_from(days).unwrap_or(0);
            (days / 7, days % 7)
        };
        let weeks = days.last().map_or(0, |last| place(last.day).0 + 1);
        let mut shapes = Shapes::default();
        let mut marks = Vec::new();
        for day in days {
            let (week, weekday) = place(day.day);
            let shape = Shape {
                x: week * DAY,
                y: weekday * DAY,
                width: DAY - 1,
                height: DAY - 1,
                state: state_of(day),
            };
            shapes.add(shape, || format!("{}: {}", day.day, states(&day.states)));
            // A name takes the room of two weeks.
            if day.day.day() == 1 && week + 2 <= weeks {
                marks.push(Mark {
                    left: week * 1000 / weeks,
                    text: day.day.format("%b").to_string(),
                });
            }
        }
        Self {
            width: weeks * DAY,
            shapes,
            marks,
        }
    }

    pub(super) fn height(&self) -> usize {
        HEIGHT
    }
}

#[cfg(test)]
mod tests;
