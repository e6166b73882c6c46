//! Values of a JSON object as texts that do not print. Settings were written by many hands over
//! years: a number may stand where a text is meant, null and the empty text mean that there is
//! nothing.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use crate::error::ConfigError;

const HINT: &str = "add it to the settings file";
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The texts under some keys of an object.
#[derive(Clone)]
pub(crate) struct Texts(BTreeMap<&'static str, Option<SecretString>>);

impl Texts {
    /// Keeps the texts of `object` under `keys`; other keys are let go.
    pub(crate) fn new(object: &Map<String, Value>, keys: &[&'static str]) -> Self {
        let present = keys
            .iter()
            .filter_map(|key| Some((*key, object.get(*key)?)));
        Self(
            present
                .filter(|(_, value)| !is_nothing(value))
                .map(|(key, value)| (key, text(value)))
                .collect(),
        )
    }

    /// The text under `key`, trimmed, if it is there.
    pub(crate) fn get(&self, key: &str) -> Result<Option<&str>, ConfigError> {
        Ok(self.secret(key)?.map(SecretString::expose_secret))
    }

    pub(crate) fn required(&self, key: &str) -> Result<&SecretString, ConfigError> {
        self.secret(key)?.ok_or_else(|| ConfigError::Missing {
            key: key.to_owned(),
            hint: HINT,
        })
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The keys that have a value.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    fn secret(&self, key: &str) -> Result<Option<&SecretString>, ConfigError> {
        match self.0.get(key) {
            None => Ok(None),
            Some(Some(text)) => Ok(Some(text)),
            Some(None) => Err(ConfigError::invalid(key, "must be a text or a number")),
        }
    }
}

pub(crate) fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn text(value: &Value) -> Option<SecretString> {
    match value {
        Value::String(text) => Some(SecretString::from(text.trim())),
        Value::Number(number) => Some(SecretString::from(number.to_string())),
        _ => None,
    }
}

/// Reads a file that is a JSON object. `key` is the variable that names it.
pub(crate) fn object(key: &'static str, text: &[u8]) -> Result<Map<String, Value>, ConfigError> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    // The parser's own message may quote the text.
    let value = serde_json::from_slice(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        ConfigError::invalid(key, format!("names a file that is not JSON ({place})"))
    })?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(ConfigError::invalid(
            key,
            "names a file that is not a JSON object",
        )),
    }
}
