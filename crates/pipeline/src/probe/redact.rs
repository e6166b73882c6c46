//! Shows the form of a value without its content.

use serde_json::Value;
use serde_json::value::RawValue;

/// Longer texts are cut.
const MAX_CHARS: usize = 40;
/// How many keys of an object are shown.
const MAX_KEYS: usize = 5;
/// Keys that MDS and GeoJSON have where an object may be. Any other key is a text like others, and
/// may tell where somebody rode.
const KNOWN_KEYS: [&str; 14] = [
    "bbox",
    "coordinates",
    "crs",
    "features",
    "geometries",
    "geometry",
    "id",
    "lat",
    "lng",
    "properties",
    "timestamp",
    "timestamps",
    "type",
    "value",
];

/// Describes the form of a trip's fields: digits become 9, letters become a, and of an object only
/// the keys are shown, as they are if MDS has them.
pub(super) fn shapes(trip: &RawValue, fields: &[&str]) -> String {
    let Ok(Value::Object(trip)) = serde_json::from_str::<Value>(trip.get()) else {
        return "not an object".to_owned();
    };
    let shapes: Vec<String> = fields
        .iter()
        .filter_map(|field| Some(format!("{field} is {}", shape(trip.get(*field)?))))
        .collect();
    shapes.join(", ")
}

fn shape(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(number) => masked(&number.to_string()),
        Value::String(text) => format!("\"{}\"", masked(text)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(members) => {
            let keys: Vec<String> = members
                .keys()
                .take(MAX_KEYS)
                .map(|key| shown(key))
                .collect();
            format!("an object of {}", keys.join(", "))
        }
    }
}

fn shown(key: &str) -> String {
    if KNOWN_KEYS.contains(&key) {
        key.to_owned()
    } else {
        masked(key)
    }
}

fn masked(text: &str) -> String {
    text.chars()
        .take(MAX_CHARS)
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
