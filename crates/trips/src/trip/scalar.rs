//! The value of one field of a trip, read from its JSON text.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::lenient::number_in;

/// A timestamp of at least this magnitude is in milliseconds, a smaller one in seconds. As seconds,
/// this value is in the year 5138; as milliseconds, in March 1973.
pub(super) const MILLISECONDS_FROM: f64 = 1e11;

/// The value of a field of a trip.
#[derive(Debug)]
pub(super) enum Scalar<'a> {
    /// A string without NUL, which Postgres cannot store.
    Text(Cow<'a, str>),
    /// A number, with its digits as they were sent.
    Number(&'a str),
    /// Any other value.
    Other,
}

impl<'a> Scalar<'a> {
    pub(super) fn of(raw: &'a RawValue) -> Self {
        let json = raw.get();
        match json.as_bytes().first() {
            Some(b'"') => text(json)
                .filter(|text| !text.contains('\0'))
                .map_or(Self::Other, Self::Text),
            Some(b'-' | b'0'..=b'9') => Self::Number(json),
            _ => Self::Other,
        }
    }

    pub(super) fn is_empty_text(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A whole number; a fraction is rounded, half away from zero.
pub(super) fn whole(digits: &str) -> Option<i64> {
    digits.parse().ok().or_else(|| rounded(digits))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "below 2^53 the rounded number is exact and within i64"
)]
fn rounded(digits: &str) -> Option<i64> {
    const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
    let number = number_in(digits)?.round();
    (number.abs() < EXACT_BELOW).then_some(number as i64)
}

/// An id: a UUID in upper or lower case, or a whole number (as a number or as a string of digits).
pub(super) enum Id {
    Uuid(Uuid),
    Integer(u128),
}

impl Id {
    pub(super) fn of(scalar: &Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => Uuid::try_parse(text)
                .ok()
                .map(Self::Uuid)
                .or_else(|| integer(text)),
            Scalar::Number(digits) => integer(digits),
            Scalar::Other => None,
        }
    }
}

fn integer(digits: &str) -> Option<Id> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| all_digits).map(Id::Integer)
}

/// An instant and its original unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub(super) time: DateTime<Utc>,
    pub(super) in_seconds: bool,
}

/// Why a value is not a timestamp.
pub(super) enum StampError {
    NotANumber,
    BeyondCalendar,
}

impl Stamp {
    /// Reads seconds or milliseconds since 1970, with fractions, to the microsecond.
    pub(super) fn of(scalar: &Scalar<'_>) -> Result<Self, StampError> {
        let number = match scalar {
            Scalar::Text(text) => number_in(text),
            Scalar::Number(digits) => number_in(digits),
            Scalar::Other => None,
        }
        .ok_or(StampError::NotANumber)?;
        let in_seconds = number.abs() < MILLISECONDS_FROM;
        let micros = number * if in_seconds { 1e6 } else { 1e3 };
        instant(micros)
            .map(|time| Self { time, in_seconds })
            .ok_or(StampError::BeyondCalendar)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a number beyond i64 saturates, and the calendar refuses it"
)]
fn instant(micros: f64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros.round() as i64)
}
