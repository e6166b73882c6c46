//! The functions over times without zone.

use chrono::{Datelike, NaiveDate, Timelike};

use super::value::{Cell, TIME_FORMAT};

/// A function over a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateFunction {
    TruncateToYear,
    TruncateToMonth,
    TruncateToDay,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    DayOfWeek,
    WeekOfYear,
}

impl DateFunction {
    const ALL: [Self; 11] = [
        Self::TruncateToYear,
        Self::TruncateToMonth,
        Self::TruncateToDay,
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Hour,
        Self::Minute,
        Self::Second,
        Self::DayOfWeek,
        Self::WeekOfYear,
    ];

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|function| function.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TruncateToYear => "date_trunc_y",
            Self::TruncateToMonth => "date_trunc_ym",
            Self::TruncateToDay => "date_trunc_ymd",
            Self::Year => "date_extract_y",
            Self::Month => "date_extract_m",
            Self::Day => "date_extract_d",
            Self::Hour => "date_extract_hh",
            Self::Minute => "date_extract_mm",
            Self::Second => "date_extract_ss",
            Self::DayOfWeek => "date_extract_dow",
            Self::WeekOfYear => "date_extract_woy",
        }
    }

    /// The function's value; null for a cell that is no time.
    pub(super) fn apply(self, cell: &Cell) -> Cell {
        let Some(time) = cell.time() else {
            return Cell::Null;
        };
        let number = |number: u32| Cell::Number(f64::from(number));
        let day = time.date();
        match self {
            Self::TruncateToYear => start(NaiveDate::from_ymd_opt(day.year(), 1, 1)),
            Self::TruncateToMonth => start(day.with_day(1)),
            Self::TruncateToDay => start(Some(day)),
            Self::Year => Cell::Number(f64::from(day.year())),
            Self::Month => number(day.month()),
            Self::Day => number(day.day()),
            Self::Hour => number(time.hour()),
            Self::Minute => number(time.minute()),
            Self::Second => number(time.second()),
            Self::DayOfWeek => number(day.weekday().num_days_from_sunday()),
            Self::WeekOfYear => number(day.iso_week().week()),
        }
    }
}

fn start(day: Option<NaiveDate>) -> Cell {
    let midnight = day.and_then(|day| day.and_hms_opt(0, 0, 0));
    midnight.map_or(Cell::Null, |time| {
        Cell::Text(time.format(TIME_FORMAT).to_string())
    })
}
