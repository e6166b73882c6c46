//! Civil months.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Serialize, Serializer};

use super::TimeError;

/// A civil month, written `2020-03`.
///
/// ```
/// use trips::time::Month;
///
/// let month: Month = "2020-12".parse()?;
/// assert_eq!(month.to_string(), "2020-12");
/// assert!("2020-13".parse::<Month>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    first_day: NaiveDate,
}

impl Month {
    /// The month that contains a day.
    #[must_use]
    pub fn containing(day: NaiveDate) -> Self {
        Self {
            first_day: day.with_day(1).unwrap_or(day),
        }
    }

    /// The first day.
    #[must_use]
    pub fn first_day(self) -> NaiveDate {
        self.first_day
    }

    /// The month after it; `None` at the end of the calendar.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        let next = self.first_day.checked_add_months(chrono::Months::new(1))?;
        Some(Self { first_day: next })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = (self.first_day.year(), self.first_day.month());
        write!(f, "{year:04}-{month:02}")
    }
}

impl FromStr for Month {
    type Err = TimeError;

    /// Reads `yyyy-mm`, padded or not.
    fn from_str(input: &str) -> Result<Self, TimeError> {
        super::parse::month(input.trim()).map(|first_day| Self { first_day })
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
