//! The whole configuration, and the bucket that it comes from.

use std::collections::BTreeMap;

use vault::{ObjectVersion, StoredAs, StoredInfo, Vault, VaultError};

use crate::environment::{ENDPOINT, Environment, KeySource, PROVIDERS, SETTINGS, check_endpoint};
use crate::error::ConfigError;
use crate::providers::Providers;
use crate::scope::Scope;
use crate::secret::KeySecret;
use crate::settings::Settings;
use crate::version::ConfigVersion;

/// The configuration as far as its scope goes, and the bucket that it was read from.
#[derive(Debug, Clone)]
pub struct Config {
    /// The environment.
    pub env: Environment,
    /// What was read, and what of it was kept.
    pub scope: Scope,
    /// The settings file.
    pub settings: Settings,
    /// The providers file; without entries if the scope has no providers.
    pub providers: Providers,
    /// The bucket. Writes with the compression that the settings name.
    pub vault: Vault,
    /// Which versions of the two files these are, and which of the boundaries belong to them: none
    /// if that was left open.
    pub version: ConfigVersion,
}

/// Reads the whole configuration, from Secrets Manager and the bucket.
///
/// # Errors
///
/// As [`load_for`].
pub async fn load(env: Environment) -> Result<Config, ConfigError> {
    load_for(env, Scope::All, None).await
}

/// Reads what a scope needs of the configuration: of a certain version if one is given, else the
/// current one.
///
/// # Errors
///
/// [`ConfigError`]: something is missing, malformed or out of reach
/// ([`ConfigError::is_transient`]), or the bucket no longer has the version
/// ([`ConfigError::Superseded`]).
pub async fn load_for(
    env: Environment,
    scope: Scope,
    version: Option<&ConfigVersion>,
) -> Result<Config, ConfigError> {
    let vault = open_vault(&env).await?;
    let (settings, providers) = tokio::join!(
        read_settings(&vault, &env, scope, version),
        read_providers(&vault, &env, scope, version)
    );
    let (settings, settings_version) = settings?;
    let (providers, providers_version) = providers?;
    let vault = vault.with_compression(settings.compression);
    Ok(Config {
        env,
        scope,
        settings,
        providers,
        vault,
        version: ConfigVersion {
            settings: settings_version,
            providers: providers_version,
            boundaries: version.map_or_else(BTreeMap::new, |it| it.boundaries.clone()),
        },
    })
}

async fn read_settings(
    vault: &Vault,
    env: &Environment,
    scope: Scope,
    version: Option<&ConfigVersion>,
) -> Result<(Settings, ObjectVersion), ConfigError> {
    let file = File {
        variable: SETTINGS,
        key: &env.settings_key,
        version: version.map(|it| &it.settings),
    };
    let (text, version) = file.read(vault, env).await?;
    Ok((Settings::from_json_for(&text, scope)?, version))
}

async fn read_providers(
    vault: &Vault,
    env: &Environment,
    scope: Scope,
    version: Option<&ConfigVersion>,
) -> Result<(Providers, Option<ObjectVersion>), ConfigError> {
    if !scope.has_providers() {
        return Ok((Providers::none(), None));
    }
    let file = File {
        variable: PROVIDERS,
        key: &env.providers_key,
        version: version.and_then(|it| it.providers.as_ref()),
    };
    let (text, version) = file.read(vault, env).await?;
    Ok((Providers::from_json_for(&text, scope)?, Some(version)))
}

/// Reads the providers file, without the providers' secrets, where the scope of a configuration has
/// none. `None` if the bucket has no such file.
///
/// # Errors
///
/// [`ConfigError`]: the file cannot be read.
pub async fn providers_beside(config: &Config) -> Result<Option<Providers>, ConfigError> {
    match read_providers(&config.vault, &config.env, Scope::Plan, None).await {
        Err(error) if is_missing(&error) => Ok(None),
        read => Ok(Some(read?.0)),
    }
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
    let host = env.aws.s3_host(&sdk);
    let vault =
        |keys| Vault::new(client, &env.bucket, keys, vault::Compression::default()).at(&host);
    match &env.fernet_keys {
        KeySource::Given(keys) => Ok(vault(keys.clone())),
        KeySource::SecretsManager { id } => {
            let secret = KeySecret::new(&sdk, env.secrets_endpoint.as_deref(), id);
            let keys = secret.read().await?;
            Ok(vault(keys).with_key_source(Box::new(secret)))
        }
    }
}

/// One of the two files.
struct File<'a> {
    /// The variable that names its key.
    variable: &'static str,
    key: &'a str,
    version: Option<&'a ObjectVersion>,
}

impl File<'_> {
    async fn read(
        &self,
        vault: &Vault,
        env: &Environment,
    ) -> Result<(Vec<u8>, ObjectVersion), ConfigError> {
        let (variable, key) = (self.variable, self.key);
        let (text, info) = match read_version(vault, variable, key, self.version).await {
            Err(error) if is_missing(&error) => return Err(missing(vault, variable, error).await),
            read => read?,
        };
        if info.stored_as == StoredAs::Plain {
            if !env.may_be_plain() {
                return Err(Environment::plain_file(variable, key));
            }
            tracing::warn!(
                s3.key = key,
                "configuration file is not encrypted; store it with `mds config put`"
            );
        }
        let version = info.version().ok_or_else(|| {
            ConfigError::invalid(
                variable,
                format!("names the object {key:?}, for which the bucket returned no entity tag"),
            )
        })?;
        Ok((text, version))
    }
}

fn is_missing(error: &ConfigError) -> bool {
    let ConfigError::Object { source, .. } = error else {
        return false;
    };
    matches!(source, VaultError::NotFound { .. })
}

/// The error of a file that is not there. If the bucket is not there either, it is that of the
/// bucket: some replacements of S3 do not tell the two apart.
async fn missing(vault: &Vault, key: &'static str, error: ConfigError) -> ConfigError {
    match vault.list("config/").next_page().await {
        Err(source @ VaultError::NoBucket { .. }) => ConfigError::Object { key, source },
        _ => error,
    }
}

/// Reads an object of the configuration. `name` is the key or the variable that names it.
pub(crate) async fn read_version(
    vault: &Vault,
    name: &'static str,
    key: &str,
    version: Option<&ObjectVersion>,
) -> Result<(Vec<u8>, StoredInfo), ConfigError> {
    vault
        .get_version(key, version)
        .await
        .map_err(|source| match source {
            VaultError::Changed { .. } | VaultError::NotFound { .. } if version.is_some() => {
                ConfigError::Superseded { key: name }
            }
            source => ConfigError::Object { key: name, source },
        })
}
