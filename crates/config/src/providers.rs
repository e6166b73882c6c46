//! The providers file.

use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::sync::Arc;

use mds_client::{ProviderConfig, TokenRequest};
use serde_json::Value;
use trips::block::ProviderName;
use uuid::Uuid;

use crate::environment::PROVIDERS;
use crate::error::ConfigError;
use crate::key_names::{SCHEMA, unknown};
use crate::kind::FileKind;
use crate::scope::Scope;
use crate::text::read_object;
use crate::warning::ConfigWarning;

/// The providers file, in the order of the providers' names (docs/CONTRACT.md, "Providers").
///
/// An entry that cannot be used does not stop the other providers.
#[derive(Clone)]
pub struct Providers {
    entries: BTreeMap<ProviderName, ProviderConfig>,
    /// Entries that cannot be used, and why.
    invalid: BTreeMap<String, Arc<ConfigError>>,
    /// Enabled entries whose first request would fail, since their login is not complete.
    without_login: BTreeMap<String, Arc<ConfigError>>,
    warnings: Vec<ConfigWarning>,
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
        let file = read_object(PROVIDERS, text)?;
        FileKind::Providers.check_named(&file)?;
        for (name, value) in file {
            if name != SCHEMA {
                providers.add(name, value, scope);
            }
        }
        providers.warn_of_shared_ids();
        providers.warnings.iter().for_each(ConfigWarning::log);
        Ok(providers)
    }

    /// The providers of who reads no file of them.
    pub(crate) fn none() -> Self {
        Self {
            entries: BTreeMap::new(),
            invalid: BTreeMap::new(),
            without_login: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    fn add(&mut self, name: String, value: Value, scope: Scope) {
        let is_disabled = is_disabled(&value);
        self.warnings.extend(unknown_keys(&name, &value));
        if ProviderConfig::is_paging_off_ignored(&value) {
            self.warnings.push(ConfigWarning::PagingStaysOn {
                key: format!("{name}.paging"),
            });
        }
        match entry(&name, value) {
            Ok((key, config)) => {
                if let (true, Err(error)) = (config.enabled, config.check_login()) {
                    let error = ConfigError::invalid(format!("{name}.{}", error.key), error.why);
                    self.without_login.insert(name, Arc::new(error));
                }
                self.entries.insert(key, scope.kept_of(config));
            }
            Err(error) if is_disabled => self.warnings.push(ConfigWarning::UnreadableEntry {
                error: error.to_string(),
            }),
            Err(error) => {
                tracing::error!(error.message = %error, "entry of the providers file cannot be used, no hour of this provider is requested");
                self.invalid.insert(name, Arc::new(error));
            }
        }
    }

    fn warn_of_shared_ids(&mut self) {
        let mut names: BTreeMap<Uuid, Vec<&str>> = BTreeMap::new();
        for (name, config) in self.entries.iter().filter(|(_, config)| config.enabled) {
            names
                .entry(config.provider_id)
                .or_default()
                .push(name.as_str());
        }
        let shared = names.into_values().filter(|names| names.len() > 1);
        let warnings = shared.map(|names| ConfigWarning::SharedId {
            names: names.join(", "),
        });
        let warnings: Vec<_> = warnings.collect();
        self.warnings.extend(warnings);
    }

    /// What is allowed in the file but seldom meant. [`Providers::from_json`] logs it.
    #[must_use]
    pub fn warnings(&self) -> &[ConfigWarning] {
        &self.warnings
    }

    /// Checks that every entry can be used and has its login, unless it is disabled.
    ///
    /// # Errors
    ///
    /// The first entry that cannot; its key is `name.key`.
    pub fn check(&self) -> Result<(), &ConfigError> {
        self.faults().next().map_or(Ok(()), Err)
    }

    /// All that [`Providers::check`] finds.
    pub fn faults(&self) -> impl Iterator<Item = &ConfigError> {
        let faults = self.invalid.values().chain(self.without_login.values());
        faults.map(Arc::as_ref)
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
const PARAMETERS: &str = "mds_param_override";

fn unknown_keys(name: &str, value: &Value) -> Vec<ConfigWarning> {
    let members = |value: Option<&Value>| -> Vec<String> {
        let object = value.and_then(Value::as_object);
        object.map_or_else(Vec::new, |it| it.keys().cloned().collect())
    };
    let keys = members(Some(value)).into_iter();
    let of_entry = keys
        .filter(|key| key != NESTED)
        .filter_map(|key| unknown(&format!("{name}."), &key, &ProviderConfig::KEYS));
    let place = format!("{name}.{TOKEN_REQUEST}.");
    let nested = members(value.get(TOKEN_REQUEST)).into_iter();
    let of_request = nested.filter_map(|key| unknown(&place, &key, &TokenRequest::KEYS));
    let place = format!("{name}.{PARAMETERS}.");
    let nested = members(value.get(PARAMETERS)).into_iter();
    let of_query = nested.filter_map(|key| unknown(&place, &key, &ProviderConfig::PARAMETERS));
    of_entry.chain(of_request).chain(of_query).collect()
}

fn entry(name: &str, value: Value) -> Result<(ProviderName, ProviderConfig), ConfigError> {
    let parsed = name.parse().map_err(ConfigError::Name)?;
    if !value.is_object() {
        let why = "must be an object with the keys of a provider, such as {\"mds_api_url\": \"https://…\", …}";
        return Err(ConfigError::invalid(name, why));
    }
    let config = ProviderConfig::from_value(value)
        .map_err(|error| ConfigError::invalid(format!("{name}.{}", error.key), error.why))?;
    Ok((parsed, config))
}

#[cfg(test)]
mod tests;
