use std::collections::{BTreeMap, btree_map};
use std::fmt;

use mds_client::ProviderConfig;
use serde_json::Value;
use trips::block::{ProviderName, ProviderNameError};

use crate::environment::PROVIDERS;
use crate::error::ConfigError;
use crate::text;

/// The providers file, in the order of the providers' names (docs/CONTRACT.md, Configuration).
#[derive(Clone)]
pub struct Providers(BTreeMap<ProviderName, ProviderConfig>);

impl Providers {
    /// Reads the file's text. An entry that says `"enabled": false` and cannot be read is left out
    /// with a warning: companies leave, and their old entries stay in the file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for what is no JSON object, and for the first entry that cannot be
    /// used; the key is `name.key`.
    pub fn from_json(text: &[u8]) -> Result<Self, ConfigError> {
        let mut providers = BTreeMap::new();
        for (name, value) in text::object(PROVIDERS, text)? {
            let switched_off = is_switched_off(&value);
            match entry(&name, value) {
                Ok((name, config)) => {
                    providers.insert(name, config);
                }
                Err(error) if switched_off => {
                    tracing::warn!(error = %error, "An entry that is not enabled is left out");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self(providers))
    }

    /// One provider's entry.
    #[must_use]
    pub fn get(&self, name: &ProviderName) -> Option<&ProviderConfig> {
        self.0.get(name)
    }

    /// The names of all entries, also of those not enabled.
    pub fn keys(&self) -> btree_map::Keys<'_, ProviderName, ProviderConfig> {
        self.0.keys()
    }

    /// All entries, also those not enabled.
    pub fn iter(&self) -> btree_map::Iter<'_, ProviderName, ProviderConfig> {
        self.0.iter()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        f.debug_tuple("Providers").field(&self.0.keys()).finish()
    }
}

fn is_switched_off(value: &Value) -> bool {
    value.get("enabled") == Some(&Value::Bool(false))
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
