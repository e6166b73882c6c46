//! Which version of the configuration a run has.

use std::collections::BTreeMap;

use boundaries::Layer;
use serde::{Deserialize, Serialize};
use vault::{ObjectVersion, Vault};

use crate::environment::{Environment, PROVIDERS, SETTINGS};
use crate::error::ConfigError;
use crate::scope::Scope;
use crate::settings::BOUNDARIES;

/// The versions of the boundaries' objects, by their keys.
pub type BoundaryVersions = BTreeMap<String, ObjectVersion>;

/// The versions of the objects that hold the configuration of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigVersion {
    /// The settings file's.
    pub settings: ObjectVersion,
    /// The providers file's; `None` where it is not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub providers: Option<ObjectVersion>,
    /// Those of the boundaries. A layer without one is read as it is at the time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub boundaries: BoundaryVersions,
}

impl ConfigVersion {
    /// Whether the two files are the same in both, as far as both know.
    #[must_use]
    pub fn has_same_files(&self, other: &Self) -> bool {
        let providers = self.providers.as_ref().zip(other.providers.as_ref());
        self.settings.is_same(&other.settings) && providers.is_none_or(|(a, b)| a.is_same(b))
    }
}

/// Asks the bucket for the current versions of the two files. `None` if one of them is not there.
///
/// # Errors
///
/// The bucket cannot be reached, or refuses the request.
pub async fn current_files(
    vault: &Vault,
    env: &Environment,
    scope: Scope,
) -> Result<Option<ConfigVersion>, ConfigError> {
    let settings = head(vault, SETTINGS, &env.settings_key);
    if !scope.has_providers() {
        return Ok(settings.await?.map(|settings| ConfigVersion {
            settings,
            providers: None,
            boundaries: BTreeMap::new(),
        }));
    }
    let (settings, providers) = tokio::join!(settings, head(vault, PROVIDERS, &env.providers_key));
    Ok(settings?
        .zip(providers?)
        .map(|(settings, providers)| ConfigVersion {
            settings,
            providers: Some(providers),
            boundaries: BTreeMap::new(),
        }))
}

/// Asks the bucket for the current versions of the layers' objects. One that is not there has none.
///
/// # Errors
///
/// The bucket cannot be reached, or refuses the request.
pub async fn current_boundaries(
    vault: &Vault,
    layers: &[Layer],
) -> Result<BoundaryVersions, ConfigError> {
    let mut versions = BTreeMap::new();
    for layer in layers {
        if let Some(version) = head(vault, BOUNDARIES, &layer.key).await? {
            versions.insert(layer.key.clone(), version);
        }
    }
    Ok(versions)
}

async fn head(
    vault: &Vault,
    key: &'static str,
    object: &str,
) -> Result<Option<ObjectVersion>, ConfigError> {
    let head = vault
        .head(object)
        .await
        .map_err(|source| ConfigError::Object { key, source })?;
    Ok(head.and_then(|head| head.version()))
}
