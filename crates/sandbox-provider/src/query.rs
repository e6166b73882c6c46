//! The query of a request: which trips it selects.

use chrono::NaiveDateTime;

use super::sketch::{HOUR_MS, Sketch};
use super::version::QueryStyle;

/// The longest span of a request: a month.
const MAX_SPAN_HOURS: i64 = 31 * 24;

/// The trips that a request selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TripQuery {
    /// The first and the end of the hours (since 1970) whose trips can match; the end is exclusive.
    pub(super) first_hour: i64,
    pub(super) end_hour: i64,
    matching: Matching,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matching {
    /// All trips of the hours.
    All,
    /// Trips that end in `[min, max)` milliseconds.
    EndBetween(i64, i64),
    /// Trips that lie in `[start, end]` milliseconds.
    Inside(i64, i64),
}

/// Replaces the parameter names of a provider with
/// [`Quirk::RenamedParameters`](super::Quirk::RenamedParameters) by those of MDS.
pub(super) fn with_mds_names(
    style: QueryStyle,
    parameters: &[(String, String)],
) -> Vec<(String, String)> {
    let mds_name = |name: &str| match (style, name) {
        (QueryStyle::StartAndEnd, "from") => Some("start_time"),
        (QueryStyle::StartAndEnd, "to") | (QueryStyle::EndHour, "hour") => Some("end_time"),
        (QueryStyle::EndBetween, "from") => Some("min_end_time"),
        (QueryStyle::EndBetween, "to") => Some("max_end_time"),
        (_, "page") => Some("page"),
        _ => None,
    };
    parameters
        .iter()
        .filter_map(|(name, value)| Some((mds_name(name)?.to_owned(), value.clone())))
        .collect()
}

impl TripQuery {
    /// Parses the parameters. The error is the description for the response.
    pub(super) fn parse(
        style: QueryStyle,
        parameters: &[(String, String)],
    ) -> Result<Self, String> {
        let query = match style {
            QueryStyle::EndHour => Self::hour(required(parameters, "end_time")?)?,
            QueryStyle::EndBetween => {
                let min = milliseconds(parameters, "min_end_time")?;
                let max = milliseconds(parameters, "max_end_time")?;
                Self::between(min, max)
            }
            QueryStyle::StartAndEnd => Self::inside(
                seconds(parameters, "start_time")?,
                seconds(parameters, "end_time")?,
            ),
        };
        if query.is_empty() {
            return Err("the window is empty".to_owned());
        }
        if query.end_hour - query.first_hour > MAX_SPAN_HOURS {
            return Err("the window is longer than 31 days".to_owned());
        }
        Ok(query)
    }

    fn is_empty(self) -> bool {
        match self.matching {
            Matching::All => false,
            Matching::EndBetween(start, end) | Matching::Inside(start, end) => start >= end,
        }
    }

    /// The last requested hour, whose faults apply.
    pub(super) fn last_hour(self) -> i64 {
        self.end_hour - 1
    }

    pub(super) fn matches(self, sketch: &Sketch) -> bool {
        match self.matching {
            Matching::All => true,
            Matching::EndBetween(min, max) => (min..max).contains(&sketch.end_ms),
            Matching::Inside(start, end) => {
                sketch.reported_start_ms >= start && sketch.end_ms <= end
            }
        }
    }

    /// Parses one clock hour, `YYYY-MM-DDTHH`.
    pub(super) fn hour(text: &str) -> Result<Self, String> {
        let malformed = || "an hour must be YYYY-MM-DDTHH".to_owned();
        if text.len() != 13 {
            return Err(malformed());
        }
        let time = NaiveDateTime::parse_from_str(&format!("{text}:00"), "%Y-%m-%dT%H:%M")
            .map_err(|_| malformed())?;
        let first_hour = time.and_utc().timestamp().div_euclid(3_600);
        Ok(Self {
            first_hour,
            end_hour: first_hour + 1,
            matching: Matching::All,
        })
    }

    fn between(min: i64, max: i64) -> Self {
        Self {
            first_hour: min.div_euclid(HOUR_MS),
            end_hour: hour_ceiling(max),
            matching: Matching::EndBetween(min, max),
        }
    }

    fn inside(start: i64, end: i64) -> Self {
        Self {
            first_hour: start.div_euclid(HOUR_MS),
            // The window includes its end, so a trip of the next hour can match that ends on the
            // hour. That hour is left out, so that the faults of the window's own hour apply.
            end_hour: hour_ceiling(end),
            matching: Matching::Inside(start, end),
        }
    }
}

fn hour_ceiling(ms: i64) -> i64 {
    (ms + HOUR_MS - 1).div_euclid(HOUR_MS)
}

/// The value of a parameter, if it is present.
pub(super) fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters
        .iter()
        .find(|(given, _)| given == name)
        .map(|(_, value)| value.as_str())
}

pub(super) fn required<'a>(
    parameters: &'a [(String, String)],
    name: &str,
) -> Result<&'a str, String> {
    parameter(parameters, name).ok_or_else(|| format!("{name} is missing"))
}

fn milliseconds(parameters: &[(String, String)], name: &str) -> Result<i64, String> {
    let number = required(parameters, name)?;
    number
        .parse()
        .map_err(|_| format!("{name} must be a whole number of milliseconds"))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked first"
)]
fn seconds(parameters: &[(String, String)], name: &str) -> Result<i64, String> {
    let number: Option<f64> = required(parameters, name)?.parse().ok();
    // Seconds up to the year 5138. Milliseconds would be more.
    let number = number.filter(|number| (0.0..1e11).contains(number));
    let number = number.ok_or_else(|| format!("{name} must be a number of seconds"))?;
    Ok((number * 1_000.0).round() as i64)
}

#[cfg(test)]
mod tests;
