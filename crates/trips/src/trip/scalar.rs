//! The value of one field of a trip, read from its JSON text.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::decimal::Decimal;
use super::lenient::number_in;

/// A timestamp of at least this magnitude is in milliseconds, a smaller one in seconds. As seconds,
/// this value is in the year 5138; as milliseconds, in March 1973.
pub const FIRST_MILLISECONDS: u64 = 100_000_000_000;
/// The same as a number with a fraction.
#[expect(
    clippy::cast_precision_loss,
    reason = "it has fewer digits than a float keeps"
)]
pub(super) const MILLISECONDS_FROM: f64 = FIRST_MILLISECONDS as f64;

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
    digits
        .parse()
        .ok()
        .or_else(|| Decimal::read(digits)?.rounded())
}

/// An id: a UUID in upper or lower case, or a whole number (as a number, also in the form of a
/// floating-point one, or as a string of digits).
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
            Scalar::Number(digits) => integer(digits).or_else(|| integer_of_float(digits)),
            Scalar::Other => None,
        }
    }
}

fn integer(digits: &str) -> Option<Id> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| all_digits).map(Id::Integer)
}

/// A whole number that a program has written as a floating-point one: 104865.0 or 1.04865e5. Beyond
/// 53 bits such numbers are rounded, and two ids could become one.
fn integer_of_float(digits: &str) -> Option<Id> {
    const MAX_EXACT: u128 = 1 << 53;
    let number = Decimal::read(digits).filter(|_| !digits.starts_with('-'))?;
    let id = u128::try_from(number.exact().ok()?).ok()?;
    (id <= MAX_EXACT && digits.contains(['.', 'e', 'E'])).then_some(Id::Integer(id))
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
        let text = match scalar {
            Scalar::Text(text) => text.trim(),
            Scalar::Number(digits) => digits,
            Scalar::Other => return Err(StampError::NotANumber),
        };
        let number = number_in(text).ok_or(StampError::NotANumber)?;
        let in_seconds = number.abs() < MILLISECONDS_FROM;
        let places = if in_seconds { 6 } else { 3 };
        micros(text, number, places)
            .and_then(DateTime::from_timestamp_micros)
            .map(|time| Self { time, in_seconds })
            .ok_or(StampError::BeyondCalendar)
    }
}

/// A number times ten to the power of `places`, rounded.
fn micros(text: &str, number: f64, places: u32) -> Option<i64> {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.checked_mul(10_i64.pow(places));
    }
    match Decimal::read(text) {
        Some(decimal) => decimal.shifted(i64::from(places))?.rounded(),
        None => Some(saturating(number * 10_f64.powi(places.cast_signed()))),
    }
}

/// Of a number in a form that JSON does not have, such as `.5` in a text.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a number beyond i64 saturates, and the calendar refuses it"
)]
fn saturating(micros: f64) -> i64 {
    micros.round() as i64
}
