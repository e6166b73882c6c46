//! JSON objects of the configuration files, and their values as texts that `Debug` does not print.
//!
//! Many people have edited these files over the years. So a number counts as its text, and null or
//! an empty text as no value.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use trips::text::strip_byte_order_mark;

use crate::error::ConfigError;

const HINT: &str = "add it to the settings file";

/// The texts under some keys of an object; `None` for a value that cannot count as a text.
#[derive(Clone)]
pub(crate) struct Texts(BTreeMap<&'static str, Option<SecretString>>);

impl Texts {
    /// Takes the values under `keys` from `object`. Other keys are ignored.
    pub(crate) fn new(object: &Map<String, Value>, keys: &[&'static str]) -> Self {
        let values = keys
            .iter()
            .filter_map(|key| Some((*key, object.get(*key)?)))
            .filter(|(_, value)| !is_blank(value));
        Self(values.map(|(key, value)| (key, text(value))).collect())
    }

    /// The trimmed text under `key`, or `None` if the key has no value.
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

    /// Forgets the texts whose keys do not fulfil `keeps`.
    pub(crate) fn retain(&mut self, keeps: impl Fn(&str) -> bool) {
        self.0.retain(|key, _| keeps(key));
    }

    /// The keys that have a value.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    pub(crate) fn secret(&self, key: &str) -> Result<Option<&SecretString>, ConfigError> {
        match self.0.get(key) {
            None => Ok(None),
            Some(Some(text)) => Ok(Some(text)),
            Some(None) => Err(ConfigError::invalid(key, "must be a text or a number")),
        }
    }
}

pub(crate) fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn text(value: &Value) -> Option<SecretString> {
    match value {
        Value::String(text) => Some(SecretString::from(text.trim())),
        Value::Number(number) => Some(SecretString::from(number.to_string())),
        _ => None,
    }
}

/// Reads a file that is a JSON object. `key` is the environment variable that names the file.
pub(crate) fn read_object(
    key: &'static str,
    text: &[u8],
) -> Result<Map<String, Value>, ConfigError> {
    // Any value is accepted here, so the parser's message is about the syntax and quotes no text.
    let value = serde_json::from_slice(strip_byte_order_mark(text)).map_err(|error| {
        ConfigError::invalid(key, format!("names a file that is not JSON: {error}"))
    })?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(ConfigError::invalid(
            key,
            "names a file that is not a JSON object",
        )),
    }
}
