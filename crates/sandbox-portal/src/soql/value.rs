//! Values of cells, and their order.

use std::cmp::Ordering;

use chrono::{NaiveDate, NaiveDateTime};
use serde_json::Value;

/// The format in which a portal returns times without zone.
pub(super) const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.3f";

/// The value of a cell or of an expression over cells.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Cell {
    pub(crate) fn of(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Null,
            Some(Value::Bool(value)) => Self::Bool(*value),
            Some(Value::Number(number)) => number.as_f64().map_or(Self::Null, Self::Number),
            Some(Value::String(text)) => Self::Text(text.clone()),
            Some(other) => Self::Text(other.to_string()),
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::Null | Self::Bool(_) => None,
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        *self == Self::Bool(true)
    }

    pub(crate) fn time(&self) -> Option<NaiveDateTime> {
        match self {
            Self::Text(text) => parse_time(text),
            _ => None,
        }
    }

    /// Compares as SQL does: nothing compares with a null.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Null, _) | (_, Self::Null) => None,
            (Self::Bool(left), Self::Bool(right)) => Some(left.cmp(right)),
            _ => self.compare_present(other),
        }
    }

    /// The order for sorting rows and groups. Nulls come last.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Greater,
            (_, Self::Null) => Ordering::Less,
            _ => self.compare(other).unwrap_or(Ordering::Equal),
        }
    }

    fn compare_present(&self, other: &Self) -> Option<Ordering> {
        if let (Some(left), Some(right)) = (self.number(), other.number()) {
            return left.partial_cmp(&right);
        }
        if let (Some(left), Some(right)) = (self.time(), other.time()) {
            return Some(left.cmp(&right));
        }
        Some(self.text()?.cmp(&other.text()?))
    }

    fn text(&self) -> Option<String> {
        match self.to_json() {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a portal returns it: numbers are strings.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::String(number.to_string()),
            Self::Text(text) => Value::String(text.clone()),
        }
    }
}

/// A cell as a portal returns it: numbers are strings, and times have milliseconds.
pub(crate) fn as_returned(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::String(text) => Value::String(returned_time(&text).unwrap_or(text)),
        other => other,
    }
}

fn returned_time(text: &str) -> Option<String> {
    // Avoids an attempt to parse other text.
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    parse_time(text).map(|time| time.format(TIME_FORMAT).to_string())
}

fn parse_time(text: &str) -> Option<NaiveDateTime> {
    if text.len() == 10 {
        return NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0);
    }
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()
}

#[cfg(test)]
mod tests;
