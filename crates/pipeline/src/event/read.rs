//! Reading an event as callers write it: `null` for what they leave out, and a float where their
//! language has no other number.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Number;

use crate::error::{ErrorName, PipelineError};

/// The longest explanation of what is wrong with an event, which may quote the event.
const MAX_WHY_CHARS: usize = 800;

/// Reads an event, which is an object. Serde alone would also read an array as the object's values
/// in order.
///
/// # Errors
///
/// `InvalidInput` that names the key.
pub fn read_event<T: serde::de::DeserializeOwned>(
    what: &str,
    event: serde_json::Value,
) -> Result<T, PipelineError> {
    let wrong = |why: String| PipelineError::new(ErrorName::InvalidInput, format!("{what}: {why}"));
    if !event.is_object() {
        return Err(wrong("must be a JSON object".to_owned()));
    }
    serde_path_to_error::deserialize(event).map_err(|error| wrong(with_key(&error)))
}

/// serde's own message does not say which key has the wrong value.
fn with_key(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let (path, why) = (error.path().to_string(), error.inner().to_string());
    let why = if path == "scheduled_time" {
        // chrono's own words, such as `premature end of input`, do not say what is missing.
        format!(
            "scheduled_time must be an instant of RFC 3339, such as 2020-01-31T23:00:00Z ({why})"
        )
    } else if path == "." || why.contains(&format!("`{path}`")) {
        why
    } else {
        format!("{path}: {why}")
    };
    why.chars().take(MAX_WHY_CHARS).collect()
}

/// Reads a member whose default `null` stands for, for `deserialize_with`.
pub(super) fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a member that is a whole number, such as 24 or 24.0, or `null`, for `deserialize_with`.
pub(super) fn optional_whole<'de, D>(deserializer: D) -> Result<Option<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    let Some(number) = Option::<Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    // The text of a whole float has no fraction.
    let whole = number
        .as_f64()
        .and_then(|float| float.to_string().parse().ok());
    let wrong = || {
        let most = u32::MAX;
        D::Error::custom(format!(
            "must be a whole number from 0 to {most}, not {number}"
        ))
    };
    whole.ok_or_else(wrong).map(Some)
}
