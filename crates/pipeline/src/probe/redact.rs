//! What a value looks like, without what it says.

use serde_json::Value;
use serde_json::value::RawValue;

/// Longer texts are cut.
const LONGEST_CHARS: usize = 40;

/// The fields of a trip as they look: digits become 9, letters a, an object tells its keys.
pub(super) fn shapes(trip: &RawValue, fields: &[&str]) -> String {
    let Ok(Value::Object(trip)) = serde_json::from_str::<Value>(trip.get()) else {
        return "no object".to_owned();
    };
    let shown: Vec<String> = fields
        .iter()
        .filter_map(|field| Some(format!("{field} is {}", shape(trip.get(*field)?))))
        .collect();
    shown.join(", ")
}

fn shape(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(number) => masked(&number.to_string()),
        Value::String(text) => format!("\"{}\"", masked(text)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(members) => {
            let keys: Vec<&str> = members.keys().map(String::as_str).take(5).collect();
            format!("an object of {}", keys.join(", "))
        }
    }
}

fn masked(text: &str) -> String {
    text.chars()
        .take(LONGEST_CHARS)
        .map(|c| match c {
            c if c.is_numeric() => '9',
            c if c.is_alphabetic() => 'a',
            c if c.is_ascii() && !c.is_control() => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests;
