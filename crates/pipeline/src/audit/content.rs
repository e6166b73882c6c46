//! What a row says, whichever side it comes from.
//!
//! A portal returns numbers as text, times with a fraction, and leaves out what is null.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{NaiveDateTime, Timelike};
use serde::Serialize;
use serde_json::{Map, Value};
use trips::public_row::Member;

use crate::error::{ErrorName, PipelineError};

/// Stands for everything that a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content(u64);

impl Content {
    /// The content of a row as it is published.
    pub(super) fn of_published(row: &impl Serialize) -> Result<Self, PipelineError> {
        match serde_json::to_value(row) {
            Ok(Value::Object(row)) => Ok(Self::of(&row)),
            _ => Err(PipelineError::new(
                ErrorName::Internal,
                "a published row is not a JSON object",
            )),
        }
    }

    /// The content of a row of the portal. Only the members of a published row count.
    pub(super) fn of(row: &Map<String, Value>) -> Self {
        let mut hasher = DefaultHasher::new();
        for member in Member::ALL {
            plain(member, row.get(member.as_str())).hash(&mut hasher);
        }
        Self(hasher.finish())
    }
}

/// A value as both sides write it.
fn plain(member: Member, value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match member {
        Member::TripId | Member::DeviceId | Member::VehicleType => text,
        Member::StartTime
        | Member::EndTime
        | Member::ModifiedDate
        | Member::StartTimeUsCentral
        | Member::EndTimeUsCentral => match parse_time(&text) {
            Some(time) => time.to_string(),
            None => text,
        },
        Member::TripDuration
        | Member::TripDistance
        | Member::Year
        | Member::Month
        | Member::Hour
        | Member::DayOfWeek
        | Member::CouncilDistrictStart
        | Member::CouncilDistrictEnd
        | Member::CensusGeoidStart
        | Member::CensusGeoidEnd => plain_number(&text).unwrap_or(&text).to_owned(),
    }
}

/// A time of the portal, without the fraction of its second.
pub(super) fn parse_time(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .ok()?
        .with_nanosecond(0)
}

/// A whole number without leading zeros and without a fraction of zeros: a column of labels may be
/// one of numbers. `None` for any other text.
fn plain_number(text: &str) -> Option<&str> {
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    if whole.is_empty() || !whole.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let significant = whole.trim_start_matches('0');
    Some(if significant.is_empty() {
        "0"
    } else {
        significant
    })
}

#[cfg(test)]
mod tests;
