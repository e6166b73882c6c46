//! The providers file.

use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::sync::Arc;

use mds_client::{ProviderConfig, TokenRequest};
use serde_json::Value;
use trips::block::{ProviderName, ProviderNameError};
use uuid::Uuid;

use crate::environment::PROVIDERS;
use crate::error::ConfigError;
use crate::key_names::warn_if_unknown;
use crate::scope::Scope;
use crate::text::read_object;

/// The providers file, in the order of the providers' names (docs/CONTRACT.md, "Providers").
///
/// An entry that cannot be used does not stop the other providers.
#[derive(Clone)]
pub struct Providers {
    entries: BTreeMap<ProviderName, ProviderConfig>,
    /// Entries that cannot be used, and why.
    invalid: BTreeMap<String, Arc<ConfigError>>,
}

impl Providers {
    /// Reads the file's text. An entry that cannot be used is logged, as a warning if it is
    /// disabled (`"enabled": false`): companies leave the city, and their old entries stay in the
    /// file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for a text that is not a JSON object.
    pub fn from_json(text: &[u8]) -> Result<Self, ConfigError> {
        Self::from_json_for(text, Scope::All)
    }

    /// As [`Providers::from_json`], and keeps what the scope needs. Every entry is checked as a
    /// whole, so that all scopes find the same ones usable.
    ///
    /// # Errors
    ///
    /// As [`Providers::from_json`].
    pub fn from_json_for(text: &[u8], scope: Scope) -> Result<Self, ConfigError> {
        let mut providers = Self::none();
        for (name, value) in read_object(PROVIDERS, text)? {
            providers.add(name, value, scope);
        }
        providers.warn_of_shared_ids();
        Ok(providers)
    }

    /// The providers of who reads no file of them.
    pub(crate) fn none() -> Self {
        Self {
            entries: BTreeMap::new(),
            invalid: BTreeMap::new(),
        }
    }

    fn add(&mut self, name: String, value: Value, scope: Scope) {
        let is_disabled = is_disabled(&value);
        warn_of_unknown_keys(&name, &value);
        match entry(&name, value) {
            Ok((name, config)) => {
                self.entries.insert(name, scope.kept_of(config));
            }
            Err(error) if is_disabled => {
                tracing::warn!(error.message = %error, "disabled entry of the providers file cannot be read, skipping it");
            }
            Err(error) => {
                tracing::error!(error.message = %error, "entry of the providers file cannot be used, no hour of this provider is requested");
                self.invalid.insert(name, Arc::new(error));
            }
        }
    }

    /// Two entries with one id are mostly a copy in which the id was forgotten. Of a fleet with two
    /// feeds, a trip in both belongs to the block that was loaded last.
    fn warn_of_shared_ids(&self) {
        let mut names: BTreeMap<Uuid, Vec<&str>> = BTreeMap::new();
        for (name, config) in self.entries.iter().filter(|(_, config)| config.enabled) {
            names
                .entry(config.provider_id)
                .or_default()
                .push(name.as_str());
        }
        for shared in names.values().filter(|names| names.len() > 1) {
            tracing::warn!(
                config.key = shared.join(", "),
                "entries of the providers file have the same provider_id, so each trip counts for one of them only"
            );
        }
    }

    /// Checks that every entry can be used, unless it is disabled.
    ///
    /// # Errors
    ///
    /// The first entry that cannot; its key is `name.key`.
    pub fn check(&self) -> Result<(), &ConfigError> {
        let first = self.invalid.values().next();
        first.map_or(Ok(()), |error| Err(error))
    }

    /// Why the entry with this name cannot be used, if there is one and it cannot.
    #[must_use]
    pub fn invalid(&self, name: &str) -> Option<&ConfigError> {
        self.invalid.get(name).map(Arc::as_ref)
    }

    /// The entries that cannot be used, by name.
    pub fn all_invalid(&self) -> impl Iterator<Item = (&str, &ConfigError)> {
        let invalid = self.invalid.iter();
        invalid.map(|(name, error)| (name.as_str(), error.as_ref()))
    }

    /// One provider's entry.
    #[must_use]
    pub fn get(&self, name: &ProviderName) -> Option<&ProviderConfig> {
        self.entries.get(name)
    }

    /// The names of all entries that can be used, including disabled ones.
    pub fn keys(&self) -> btree_map::Keys<'_, ProviderName, ProviderConfig> {
        self.entries.keys()
    }

    /// All entries that can be used, including disabled ones.
    pub fn iter(&self) -> btree_map::Iter<'_, ProviderName, ProviderConfig> {
        self.entries.iter()
    }
}

impl<'a> IntoIterator for &'a Providers {
    type Item = (&'a ProviderName, &'a ProviderConfig);
    type IntoIter = btree_map::Iter<'a, ProviderName, ProviderConfig>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Providers")
            .field(&self.entries.keys())
            .finish()
    }
}

fn is_disabled(value: &Value) -> bool {
    value.get("enabled") == Some(&Value::Bool(false))
}

/// `request` holds `request.auth.headers`, written as nested objects.
const NESTED: &str = "request";
const TOKEN_REQUEST: &str = "token_request";

fn warn_of_unknown_keys(name: &str, value: &Value) {
    let keys = value.as_object().into_iter().flat_map(|entry| entry.keys());
    for key in keys.filter(|key| *key != NESTED) {
        warn_if_unknown(&format!("{name}."), key, &ProviderConfig::KEYS);
    }
    let nested = value.get(TOKEN_REQUEST).and_then(Value::as_object);
    for key in nested.into_iter().flat_map(|nested| nested.keys()) {
        let place = format!("{name}.{TOKEN_REQUEST}.");
        warn_if_unknown(&place, key, &TokenRequest::KEYS);
    }
}

fn entry(name: &str, value: Value) -> Result<(ProviderName, ProviderConfig), ConfigError> {
    let parsed = name.parse().map_err(|error: ProviderNameError| {
        ConfigError::invalid(PROVIDERS, format!("names a file in which {error}"))
    })?;
    let config = ProviderConfig::from_value(value)
        .map_err(|error| ConfigError::invalid(format!("{name}.{}", error.key), error.why))?;
    Ok((parsed, config))
}

#[cfg(test)]
mod tests;
