//! How coarse the published times are.

use chrono::{DateTime, Utc};

/// The multiple of minutes to which published times are rounded (`PUBLIC_TIME_ROUNDING_MINUTES`).
/// By default they are exact to the second.
///
/// ```
/// use trips::public_row::TimeRounding;
///
/// let quarters = TimeRounding::minutes(15)?;
/// let rounded = quarters.round("2020-02-11T15:08:25Z".parse()?);
/// assert_eq!(rounded.to_rfc3339(), "2020-02-11T15:15:00+00:00");
/// assert!(TimeRounding::minutes(7).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRounding(u32);

/// A multiple that times are not rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("times are not rounded to {minutes} minutes; use 0, 5, 10, 15, 30 or 60")]
pub struct TimeRoundingError {
    /// The minutes as they were given.
    pub minutes: u32,
}

impl TimeRounding {
    /// Times that are exact to the second.
    pub const NONE: Self = Self(0);
    /// What the portals of several cities promise.
    pub const QUARTER_HOURS: Self = Self(15);

    /// Rounds to multiples of 5, 10, 15, 30 or 60 minutes; 0 leaves times exact to the second. All
    /// of these divide an hour, so a rounded time is the same multiple in UTC and in the city.
    ///
    /// # Errors
    ///
    /// [`TimeRoundingError`] for any other number.
    pub fn minutes(minutes: u32) -> Result<Self, TimeRoundingError> {
        match minutes {
            0 | 5 | 10 | 15 | 30 | 60 => Ok(Self(minutes)),
            _ => Err(TimeRoundingError { minutes }),
        }
    }

    /// The minutes between two rounded times; 0 if times are exact to the second.
    #[must_use]
    pub fn as_minutes(self) -> u32 {
        self.0
    }

    /// The seconds between two rounded times.
    #[must_use]
    pub fn step_seconds(self) -> u32 {
        match self.0 {
            0 => 1,
            minutes => minutes * 60,
        }
    }

    /// The nearest multiple; of two that are equally near, the later one. Exact times lose the
    /// fraction of their second.
    #[must_use]
    pub fn round(self, time: DateTime<Utc>) -> DateTime<Utc> {
        let step = i64::from(self.step_seconds());
        let later = time.timestamp().saturating_add(step / 2);
        let multiple = later.div_euclid(step) * step;
        DateTime::from_timestamp(multiple, 0).unwrap_or(time)
    }
}
