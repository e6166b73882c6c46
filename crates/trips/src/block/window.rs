//! Resolves the times of a request to hours.

use chrono::{DateTime, Datelike, Utc};

use super::{Hour, HourRange};
use crate::time::{TimeError, YEARS};

const DEFAULT_INTERVAL: u32 = 1;

/// The hours of a request (docs/CONTRACT.md, "Time").
///
/// - both times: the hours from `time_min` to `time_max`, whatever the interval
/// - `time_max` alone: the `interval` hours before it
/// - `time_min` alone: the `interval` hours from it
/// - neither: the last `interval` hours that have ended
///
/// The interval is in hours; its default is 1.
///
/// ```
/// use trips::block::TimeWindow;
/// use trips::time::CivilZone;
///
/// let zone = CivilZone::default();
/// let day = TimeWindow {
///     time_min: Some(zone.parse_time("2020-03-08-00")?),
///     time_max: Some(zone.parse_time("2020-03-09-00")?),
///     interval: None,
/// };
/// let hours = day.resolve("2020-04-01T00:00:00Z".parse()?)?;
/// assert_eq!(hours.range.map(|range| range.len()), Some(23));
/// assert_eq!(hours.not_ended, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeWindow {
    /// The first hour.
    pub time_min: Option<Hour>,
    /// The hour after the last.
    pub time_max: Option<Hour>,
    /// The number of hours.
    pub interval: Option<u32>,
}

/// The hours of a request that have ended, and how many have not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolvedRange {
    /// The hours that have ended; `None` if none has.
    pub range: Option<HourRange>,
    /// How many hours were left out because they have not ended.
    pub not_ended: u64,
}

impl TimeWindow {
    /// The hours of this window at the moment `now`.
    ///
    /// # Errors
    ///
    /// A [`TimeError`] for a window without an hour, a window that ends before it starts, and an
    /// interval that is 0 or exceeds the years 2000 to 2049.
    pub fn resolve(&self, now: DateTime<Utc>) -> Result<ResolvedRange, TimeError> {
        let current = Hour::containing(now);
        let (first, end) = self.bounds(current)?;
        let ended = end.min(current);
        Ok(ResolvedRange {
            range: HourRange::new(first, ended),
            not_ended: end.hours_since(first.max(current)),
        })
    }

    fn bounds(&self, current: Hour) -> Result<(Hour, Hour), TimeError> {
        match (self.time_min, self.time_max) {
            (Some(time_min), Some(time_max)) => ordered(time_min, time_max),
            (Some(time_min), None) => Ok((time_min, self.interval_from(time_min, 1)?)),
            (None, Some(time_max)) => Ok((self.interval_from(time_max, -1)?, time_max)),
            (None, None) => Ok((self.interval_from(current, -1)?, current)),
        }
    }

    fn interval_from(&self, hour: Hour, direction: i64) -> Result<Hour, TimeError> {
        let interval = self.interval.unwrap_or(DEFAULT_INTERVAL);
        if interval == 0 {
            return Err(TimeError::ZeroInterval);
        }
        hour.plus(direction * i64::from(interval))
            .filter(|other| YEARS.contains(&other.start().year()))
            .ok_or(TimeError::IntervalTooLong { interval })
    }
}

fn ordered(time_min: Hour, time_max: Hour) -> Result<(Hour, Hour), TimeError> {
    match time_min.cmp(&time_max) {
        std::cmp::Ordering::Less => Ok((time_min, time_max)),
        std::cmp::Ordering::Equal => Err(TimeError::EmptyRange { at: time_min }),
        std::cmp::Ordering::Greater => Err(TimeError::MinAfterMax { time_min, time_max }),
    }
}
