//! A city's civil time, and the times that people write.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::block::{Hour, HourRange};

mod error;
mod month;
mod parse;

pub use error::{TimeError, ZoneError};
pub use month::Month;
pub(crate) use parse::label as label_end;

/// The years that a time may have. Their offsets from UTC are known to be whole hours.
pub(crate) const YEARS: std::ops::RangeInclusive<i32> = 2000..=2049;

/// The start of 2010 and that of 2040 in UTC, in seconds since 1970.
const COMPARED: std::ops::Range<i64> = 1_262_304_000..2_208_988_800;

/// The largest offset from UTC in use, in either direction.
const MAX_OFFSET_HOURS: i64 = 14;

/// The time zone of a city, by its name in the IANA database.
///
/// A block is a clock hour both in UTC and in the city. So a zone is refused if its offset from UTC
/// is not a whole number of hours at any time from 2000 to 2049 (docs/CONTRACT.md, "Time"). Serde
/// writes and reads the name; the default is `US/Central`.
///
/// ```
/// use trips::time::CivilZone;
///
/// let zone: CivilZone = "US/Central".parse()?;
/// // The clocks show the hour 1 twice on this day.
/// let first = zone.parse_time("2020-11-01-01")?;
/// let second = zone.parse_time("2020-11-01-01b")?;
/// assert_eq!(first.start().to_rfc3339(), "2020-11-01T06:00:00+00:00");
/// assert_eq!(second, first.next());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CivilZone(Tz);

impl CivilZone {
    /// The zone's name, such as `US/Central`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// Whether the clocks of two zones show the same in every hour from 2010 to 2039, as those of
    /// `US/Central` and `America/Chicago` do.
    #[must_use]
    pub fn has_the_clocks_of(&self, other: &Self) -> bool {
        let mut hours = COMPARED
            .step_by(3600)
            .filter_map(|second| DateTime::from_timestamp(second, 0));
        self == other || hours.all(|hour| self.civil(hour) == other.civil(hour))
    }

    /// What the city's clocks show at an instant.
    #[must_use]
    pub fn civil(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        instant.with_timezone(&self.0).naive_local()
    }

    /// Reads a time from a command line or an event: the hour that starts then.
    ///
    /// It accepts civil time as `yyyy-mm-dd-hh`, padded or not, and an RFC 3339 instant on a whole
    /// hour. A civil hour that the clocks repeat means its first occurrence; with a `b` after it,
    /// the second. A civil hour that they skip means the instant of the change (docs/CONTRACT.md,
    /// "Time").
    ///
    /// # Errors
    ///
    /// A [`TimeError`] that names the input, what is wrong with it, and what to write instead.
    pub fn parse_time(&self, input: &str) -> Result<Hour, TimeError> {
        parse::time(self, input)
    }

    /// Reads where a report begins: a civil day as `yyyy-mm-dd`, which means its first hour, or a
    /// time as [`parse_time`](Self::parse_time) reads it.
    ///
    /// # Errors
    ///
    /// As [`parse_time`](Self::parse_time).
    pub fn parse_day_or_hour(&self, input: &str) -> Result<Hour, TimeError> {
        parse::hour_or_day(self, input)
    }

    /// As [`parse_day_or_hour`](Self::parse_day_or_hour), and an instant need not be a whole hour.
    ///
    /// # Errors
    ///
    /// As [`parse_time`](Self::parse_time).
    pub fn parse_day_or_instant(&self, input: &str) -> Result<DateTime<Utc>, TimeError> {
        parse::instant_or_day(self, input)
    }

    /// The hours of a civil day: 24 of them, or 23 or 25 when the clocks change.
    ///
    /// `None` for a day that the zone skipped, as Samoa did in 2011.
    #[must_use]
    pub fn day(&self, date: NaiveDate) -> Option<HourRange> {
        let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN);
        let first = self.first_instant(midnight(date))?;
        let end = self.first_instant(midnight(date.succ_opt()?))?;
        HourRange::new(Hour::containing(first), Hour::containing(end))
    }

    /// The hours of a civil month.
    #[must_use]
    pub fn month(&self, month: Month) -> Option<HourRange> {
        let first = self.first_instant(month.first_day().and_time(NaiveTime::MIN))?;
        let end = self.first_instant(month.next()?.first_day().and_time(NaiveTime::MIN))?;
        HourRange::new(Hour::containing(first), Hour::containing(end))
    }

    /// The instants at which the clocks show this whole hour, in order: one, two if it is repeated,
    /// none if it is skipped.
    pub(crate) fn occurrences(&self, civil: NaiveDateTime) -> impl Iterator<Item = DateTime<Utc>> {
        let zone = *self;
        // No zone changes its clocks twice within the span of all offsets, so only these two can
        // apply.
        let earlier = zone.offset_near(civil, -MAX_OFFSET_HOURS);
        let later = zone
            .offset_near(civil, MAX_OFFSET_HOURS)
            .filter(|offset| Some(*offset) != earlier);
        [earlier, later]
            .into_iter()
            .flatten()
            .filter_map(move |offset| civil.checked_sub_offset(offset))
            .map(|utc| utc.and_utc())
            .filter(move |instant| zone.civil(*instant) == civil)
    }

    fn offset_near(&self, civil: NaiveDateTime, hours: i64) -> Option<FixedOffset> {
        let near = civil.checked_add_signed(TimeDelta::hours(hours))?;
        Some(self.0.offset_from_utc_datetime(&near).fix())
    }

    /// The first instant at which the clocks show this whole hour, or the instant of the change if
    /// they skip it.
    pub(crate) fn first_instant(&self, civil: NaiveDateTime) -> Option<DateTime<Utc>> {
        self.occurrences(civil).next().or_else(|| {
            (-MAX_OFFSET_HOURS..=MAX_OFFSET_HOURS)
                .filter_map(|hours| civil.checked_add_signed(TimeDelta::hours(hours)))
                .map(|utc| utc.and_utc())
                .find(|instant| self.civil(*instant) > civil)
        })
    }

    /// What the clocks show at a whole hour, and whether they have shown it before.
    pub(crate) fn stamp(&self, instant: DateTime<Utc>) -> (NaiveDateTime, bool) {
        let civil = self.civil(instant);
        let repeated = self.occurrences(civil).any(|other| other < instant);
        (civil, repeated)
    }
}

impl Default for CivilZone {
    fn default() -> Self {
        Self(Tz::US__Central)
    }
}

impl fmt::Display for CivilZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CivilZone {
    type Err = ZoneError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let zone = Tz::from_str(name).map_err(|_| ZoneError::Unknown {
            name: name.to_owned(),
        })?;
        match fractional_offset(zone) {
            Some(offset) => Err(ZoneError::FractionalOffset {
                name: name.to_owned(),
                offset,
            }),
            None => Ok(Self(zone)),
        }
    }
}

impl TryFrom<String> for CivilZone {
    type Error = ZoneError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<CivilZone> for String {
    fn from(zone: CivilZone) -> Self {
        zone.name().to_owned()
    }
}

/// The first offset within [`YEARS`] that is not a whole number of hours.
fn fractional_offset(zone: Tz) -> Option<FixedOffset> {
    let first = NaiveDate::from_ymd_opt(*YEARS.start(), 1, 1)?;
    let end = NaiveDate::from_ymd_opt(*YEARS.end() + 1, 1, 1)?;
    first
        .iter_days()
        .take_while(|day| *day <= end)
        .map(|day| {
            zone.offset_from_utc_datetime(&day.and_time(NaiveTime::MIN))
                .fix()
        })
        .find(|offset| offset.local_minus_utc() % 3600 != 0)
}
