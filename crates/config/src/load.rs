//! The whole configuration, and the bucket that it comes from.

use vault::{StoredAs, Vault};

use crate::environment::{ENDPOINT, Environment, KeySource, PROVIDERS, SETTINGS, check_endpoint};
use crate::error::ConfigError;
use crate::providers::Providers;
use crate::secret::KeySecret;
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
        read_file(&vault, &env, SETTINGS, &env.settings_key),
        read_file(&vault, &env, PROVIDERS, &env.providers_key)
    );
    let settings = Settings::from_json(&settings?)?;
    let providers = Providers::from_json(&providers?)?;
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
    if let Some(url) = sdk.endpoint_url() {
        // It may come from a profile file.
        check_endpoint(ENDPOINT, url)?;
    }
    let client = vault::s3_client(&sdk, &env.aws);
    let vault = |keys| Vault::new(client, &env.bucket, keys, vault::Compression::default());
    match &env.fernet_keys {
        KeySource::Given(keys) => Ok(vault(keys.clone())),
        KeySource::SecretsManager { id } => {
            let secret = KeySecret::new(&sdk, env.secrets_endpoint.as_deref(), id);
            let keys = secret.read().await?;
            Ok(vault(keys).with_key_source(Box::new(secret)))
        }
    }
}

/// Reads one of the two files. `variable` names its key.
async fn read_file(
    vault: &Vault,
    env: &Environment,
    variable: &'static str,
    key: &str,
) -> Result<Vec<u8>, ConfigError> {
    let (text, info) = vault
        .get_with_info(key)
        .await
        .map_err(|source| ConfigError::Object {
            key: variable,
            source,
        })?;
    if info.stored_as == StoredAs::Plain {
        if !env.may_be_plain() {
            return Err(Environment::plain_file(variable, key));
        }
        tracing::warn!(
            s3.key = key,
            "configuration file is not encrypted; store it with `mds config put`"
        );
    }
    Ok(text)
}
