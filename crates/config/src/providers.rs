//! The providers file: a JSON object, an entry each provider.

use std::collections::BTreeMap;

use mds_client::ProviderConfig;
use serde_json::{Map, Value};
use trips::block::ProviderName;

use crate::error::ConfigError;

/// The providers by their short names.
#[derive(Debug)]
pub struct Providers(pub(crate) BTreeMap<ProviderName, ProviderConfig>);

impl Providers {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ConfigError`] that names the provider and its key.
    pub fn from_json(text: &[u8]) -> Result<Self, ConfigError> {
        let file: Map<String, Value> = serde_json::from_slice(text)
            .map_err(|e| ConfigError::invalid("providers", json_fault(&e)))?;
        let entries = file.into_iter().map(|(name, entry)| {
            let provider: ProviderName = name
                .parse()
                .map_err(|e| ConfigError::invalid(&name, format!("{e}")))?;
            let config = ProviderConfig::from_value(entry)
                .map_err(|e| ConfigError::invalid(&name, e.to_string()))?;
            Ok((provider, config))
        });
        Ok(Self(entries.collect::<Result<_, _>>()?))
    }
}

/// Where the JSON is wrong, without its content.
pub(crate) fn json_fault(error: &serde_json::Error) -> String {
    format!(
        "must be a JSON object (trouble at line {}, column {})",
        error.line(),
        error.column()
    )
}
