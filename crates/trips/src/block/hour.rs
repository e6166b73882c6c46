//! One clock hour, and ranges of them.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::time::{CivilZone, TimeError, label_end};

const HOUR_SECONDS: i64 = 3600;

/// One clock hour: the half-open interval from its start to its end, two instants of UTC.
///
/// Serde writes and reads the start, an RFC 3339 instant.
///
/// ```
/// use trips::block::Hour;
/// use trips::time::CivilZone;
///
/// let hour = Hour::containing("2020-01-02T04:17:00Z".parse()?);
/// assert_eq!(hour.start().to_rfc3339(), "2020-01-02T04:00:00+00:00");
/// // The label is the end of the hour in civil time.
/// assert_eq!(hour.label(&CivilZone::default()), "2020-01-01-23");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "DateTime<Utc>", into = "DateTime<Utc>")]
pub struct Hour {
    start: DateTime<Utc>,
}

/// An instant that is not the start of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{instant} is not on a whole hour; an hour starts at minute 0 and second 0")]
pub struct NotWholeHour {
    /// The instant.
    pub instant: DateTime<Utc>,
}

impl Hour {
    /// The hour that contains an instant.
    #[must_use]
    pub fn containing(instant: DateTime<Utc>) -> Self {
        let seconds = instant.timestamp();
        let start = DateTime::from_timestamp(seconds - seconds.rem_euclid(HOUR_SECONDS), 0);
        Self {
            start: start.unwrap_or(DateTime::<Utc>::MIN_UTC),
        }
    }

    /// The hour that starts at an instant.
    ///
    /// # Errors
    ///
    /// [`NotWholeHour`] for an instant within an hour.
    pub fn starting_at(instant: DateTime<Utc>) -> Result<Self, NotWholeHour> {
        let hour = Self::containing(instant);
        if hour.start == instant {
            Ok(hour)
        } else {
            Err(NotWholeHour { instant })
        }
    }

    /// The hour whose label this is: the exact inverse of [`Hour::label`].
    ///
    /// # Errors
    ///
    /// A [`TimeError`] for a text that is not a label in this zone, such as an hour that its clocks
    /// skip.
    pub fn from_label(zone: &CivilZone, label: &str) -> Result<Self, TimeError> {
        label_end(zone, label).map(|end| end.previous())
    }

    /// The first instant of the hour.
    #[must_use]
    pub fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// The first instant after the hour.
    #[must_use]
    pub fn end(&self) -> DateTime<Utc> {
        self.next().start
    }

    /// The hour after this one.
    #[must_use]
    pub fn next(&self) -> Self {
        self.plus(1).unwrap_or(*self)
    }

    /// The hour before this one.
    #[must_use]
    pub fn previous(&self) -> Self {
        self.plus(-1).unwrap_or(*self)
    }

    /// Whether an instant lies in the hour. The end does not.
    #[must_use]
    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        Self::containing(instant) == *self
    }

    /// The name of the hour's block: its **end** in civil time, such as `2020-01-01-23`.
    ///
    /// If the clocks repeat that hour, the second block that ends on it is `2020-11-01-01b`
    /// (docs/CONTRACT.md, "Words" and "Time").
    #[must_use]
    pub fn label(&self, zone: &CivilZone) -> String {
        let (civil, repeated) = zone.stamp(self.end());
        let suffix = if repeated { "b" } else { "" };
        format!("{}{suffix}", civil.format("%Y-%m-%d-%H"))
    }

    /// Whether the clocks show this hour twice.
    #[must_use]
    pub fn is_repeated(&self, zone: &CivilZone) -> bool {
        zone.occurrences(zone.civil(self.start)).count() > 1
    }

    /// The hour that the clocks have shown as this one before, if they repeat it now.
    #[must_use]
    pub fn first_occurrence(&self, zone: &CivilZone) -> Option<Self> {
        let first = zone.occurrences(zone.civil(self.start)).next()?;
        (first < self.start).then_some(Self { start: first })
    }

    /// The hour this many hours later, or earlier if negative; `None` outside the calendar.
    pub(super) fn plus(self, hours: i64) -> Option<Self> {
        let start = self
            .start
            .checked_add_signed(TimeDelta::try_hours(hours)?)?;
        Some(Self { start })
    }

    /// The number of hours from `earlier` to this one; 0 if `earlier` is not earlier.
    pub(super) fn hours_since(self, earlier: Self) -> u64 {
        u64::try_from((self.start - earlier.start).num_hours()).unwrap_or(0)
    }
}

impl TryFrom<DateTime<Utc>> for Hour {
    type Error = NotWholeHour;

    fn try_from(instant: DateTime<Utc>) -> Result<Self, Self::Error> {
        Self::starting_at(instant)
    }
}

impl From<Hour> for DateTime<Utc> {
    fn from(hour: Hour) -> Self {
        hour.start
    }
}

/// One or more consecutive hours.
///
/// ```
/// use trips::block::{Hour, HourRange};
///
/// let first = Hour::containing("2020-01-02T04:17:00Z".parse()?);
/// let range = HourRange::new(first, first.next().next()).ok_or("no hours")?;
/// assert_eq!(range.len(), 2);
/// assert!(range.iter().eq([first, first.next()]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HourRange {
    first: Hour,
    end: Hour,
}

impl HourRange {
    /// The hours from `first` to `end`, without `end`; `None` if there are none.
    #[must_use]
    pub fn new(first: Hour, end: Hour) -> Option<Self> {
        (first < end).then_some(Self { first, end })
    }

    /// The hours from the first one of all the ranges to the last one, with those between them;
    /// `None` without a range.
    #[must_use]
    pub fn spanning(ranges: impl IntoIterator<Item = Self>) -> Option<Self> {
        ranges.into_iter().reduce(|all, range| Self {
            first: all.first.min(range.first),
            end: all.end.max(range.end),
        })
    }

    /// The first hour.
    #[must_use]
    pub fn first(&self) -> Hour {
        self.first
    }

    /// The hour after the last.
    #[must_use]
    pub fn end(&self) -> Hour {
        self.end
    }

    /// The number of hours, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub fn len(&self) -> u64 {
        self.end.hours_since(self.first)
    }

    /// The hours in order.
    #[must_use]
    pub fn iter(&self) -> Hours {
        Hours {
            next: self.first,
            end: self.end,
        }
    }
}

impl IntoIterator for HourRange {
    type Item = Hour;
    type IntoIter = Hours;

    fn into_iter(self) -> Hours {
        self.iter()
    }
}

impl IntoIterator for &HourRange {
    type Item = Hour;
    type IntoIter = Hours;

    fn into_iter(self) -> Hours {
        self.iter()
    }
}

/// The hours of a [`HourRange`] in order.
#[derive(Debug, Clone)]
pub struct Hours {
    next: Hour,
    end: Hour,
}

impl Iterator for Hours {
    type Item = Hour;

    fn next(&mut self) -> Option<Hour> {
        let hour = self.next;
        (hour < self.end).then(|| {
            self.next = hour.next();
            hour
        })
    }
}
