//! What a process is configured with: its environment variables, and the two encrypted files in the bucket
//! (SPEC.md, "Configuration").
//!
//! Errors name the key that is wrong, never its value; no secret shows in `Debug`.

mod environment;
mod error;
mod providers;
mod settings;

pub use environment::Environment;
pub use error::ConfigError;
pub use providers::Providers;
pub use settings::Settings;

use std::collections::BTreeMap;

use boundaries::Boundaries;
use mds_client::ProviderConfig;
use trips::block::ProviderName;
use vault::{Compression, FernetKeys, Vault, VaultError, s3_client};

/// Everything that was configured, read and checked.
#[derive(Debug)]
pub struct Config {
    /// The environment variables.
    pub env: Environment,
    /// The settings file.
    pub settings: Settings,
    /// The providers file.
    pub providers: BTreeMap<ProviderName, ProviderConfig>,
    /// The bucket, with the keys and the compression that were configured.
    pub vault: Vault,
}

/// Opens the bucket that the environment names.
///
/// # Errors
/// [`ConfigError`] if a key is missing or malformed, or Secrets Manager does not give it out.
pub async fn open_vault(env: &Environment) -> Result<Vault, ConfigError> {
    let sdk = env.aws.load().await;
    let keys = env.fernet.keys(&sdk).await?;
    let keys = FernetKeys::parse(&keys)
        .map_err(|e| ConfigError::invalid(env.fernet.variable(), e.to_string()))?;
    let client = s3_client(&sdk, &env.aws);
    Ok(Vault::new(client, env.bucket.clone(), keys, Compression::Zstd))
}

/// Reads both files of the stage.
///
/// # Errors
/// [`ConfigError`] that names the variable, the object or the key in it.
pub async fn load(env: Environment) -> Result<Config, ConfigError> {
    let vault = open_vault(&env).await?;
    let (settings, providers) = tokio::try_join!(
        read(&vault, &env.settings_key),
        read(&vault, &env.providers_key)
    )?;
    let settings = Settings::from_json(&settings).map_err(|e| e.within(&env.settings_key))?;
    let providers = Providers::from_json(&providers).map_err(|e| e.within(&env.providers_key))?;
    Ok(Config {
        vault: vault.with_compression(settings.archive_compression),
        providers: providers.0,
        settings,
        env,
    })
}

/// Loads the layers that the settings name.
///
/// # Errors
/// [`ConfigError`] that names the layer's object.
pub async fn load_boundaries(vault: &Vault, settings: &Settings) -> Result<Boundaries, ConfigError> {
    let mut builder = Boundaries::builder();
    for layer in &settings.boundaries {
        let geojson = read(vault, &layer.key).await?;
        builder = builder
            .add_layer(layer, &geojson)
            .map_err(|e| ConfigError::invalid(&layer.key, e.to_string()))?;
    }
    Ok(builder.build())
}

async fn read(vault: &Vault, key: &str) -> Result<Vec<u8>, ConfigError> {
    vault.get_bytes(key).await.map_err(|error| match error {
        VaultError::NotFound { .. } => ConfigError::Missing {
            key: format!("{key} in bucket {}", vault.bucket()),
        },
        error => ConfigError::Object {
            key: key.to_owned(),
            source: Box::new(error),
        },
    })
}
