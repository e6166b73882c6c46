//! The whole configuration, and the bucket that it comes from.

use vault::{Vault, VaultError};

use crate::environment::{Environment, KeySource, PROVIDERS, SETTINGS};
use crate::error::ConfigError;
use crate::providers::Providers;
use crate::secret::read_keys;
use crate::settings::Settings;

/// The whole configuration, and the bucket that it was read from.
#[derive(Debug, Clone)]
pub struct Config {
    /// The environment.
    pub env: Environment,
    /// The settings file.
    pub settings: Settings,
    /// The providers file.
    pub providers: Providers,
    /// The bucket. Writes with the compression that the settings name.
    pub vault: Vault,
}

/// Reads the whole configuration, from Secrets Manager and the bucket. Do it once and keep the
/// result.
///
/// # Errors
///
/// [`ConfigError`]: something is missing, malformed or out of reach
/// ([`ConfigError::is_transient`]).
pub async fn load(env: Environment) -> Result<Config, ConfigError> {
    let vault = open_vault(&env).await?;
    let (settings, providers) = tokio::join!(
        vault.get_bytes(&env.settings_key),
        vault.get_bytes(&env.providers_key)
    );
    let settings = Settings::from_json(&settings.map_err(named(SETTINGS))?)?;
    let providers = Providers::from_json(&providers.map_err(named(PROVIDERS))?)?;
    let vault = vault.with_compression(settings.compression);
    Ok(Config {
        env,
        settings,
        providers,
        vault,
    })
}

/// Opens the bucket without reading the two files in it, so that they can be put there.
///
/// # Errors
///
/// [`ConfigError`] if there is no region, or if Secrets Manager does not return the Fernet keys.
pub async fn open_vault(env: &Environment) -> Result<Vault, ConfigError> {
    let sdk = env.aws.load().await;
    if sdk.region().is_none() {
        return Err(ConfigError::Missing {
            key: "AWS_REGION".to_owned(),
            hint: "set it to the bucket's region, such as us-east-1",
        });
    }
    let keys = match &env.fernet_keys {
        KeySource::Given(keys) => keys.clone(),
        KeySource::SecretsManager { id } => {
            read_keys(&sdk, env.secrets_endpoint.as_deref(), id).await?
        }
    };
    let client = vault::s3_client(&sdk, &env.aws);
    Ok(Vault::new(
        client,
        &env.bucket,
        keys,
        vault::Compression::default(),
    ))
}

fn named(key: &'static str) -> impl Fn(VaultError) -> ConfigError {
    move |source| ConfigError::Object { key, source }
}
