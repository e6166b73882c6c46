//! The providers file.

use std::collections::{BTreeMap, btree_map};
use std::fmt;

use mds_client::ProviderConfig;
use serde_json::Value;
use trips::block::{ProviderName, ProviderNameError};

use crate::environment::PROVIDERS;
use crate::error::ConfigError;
use crate::text::read_object;

/// The providers file, in the order of the providers' names (docs/CONTRACT.md, "Providers").
#[derive(Clone)]
pub struct Providers(BTreeMap<ProviderName, ProviderConfig>);

impl Providers {
    /// Reads the file's text. A disabled entry (`"enabled": false`) that cannot be read is skipped
    /// with a warning: companies leave the city, and their old entries stay in the file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for a text that is not a JSON object, and for the first enabled
    /// entry that cannot be used; its key is `name.key`.
    pub fn from_json(text: &[u8]) -> Result<Self, ConfigError> {
        let mut providers = BTreeMap::new();
        for (name, value) in read_object(PROVIDERS, text)? {
            let is_disabled = is_disabled(&value);
            match entry(&name, value) {
                Ok((name, config)) => {
                    providers.insert(name, config);
                }
                Err(error) if is_disabled => {
                    tracing::warn!(error.message = %error, "disabled entry of the providers file cannot be read, skipping it");
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

    /// The names of all entries, including disabled ones.
    pub fn keys(&self) -> btree_map::Keys<'_, ProviderName, ProviderConfig> {
        self.0.keys()
    }

    /// All entries, including disabled ones.
    pub fn iter(&self) -> btree_map::Iter<'_, ProviderName, ProviderConfig> {
        self.0.iter()
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

fn is_disabled(value: &Value) -> bool {
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
