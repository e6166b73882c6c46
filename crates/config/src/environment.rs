//! The environment variables.

use trips::block::Stage;
use url::Url;
use vault::{AwsOptions, FernetKeys};

use crate::error::ConfigError;

const BUCKET: &str = "ATD_MDS_BUCKET";
const RUN_MODE: &str = "ATD_MDS_RUN_MODE";
pub(crate) const FERNET_KEY: &str = "ATD_MDS_FERNET_KEY";
pub(crate) const FERNET_KEY_SECRET: &str = "ATD_MDS_FERNET_KEY_SECRET";
pub(crate) const PROVIDERS: &str = "ATD_MDS_PROVIDERS";
pub(crate) const SETTINGS: &str = "ATD_MDS_SETTINGS";
const PLAIN_CONFIG: &str = "ATD_MDS_PLAIN_CONFIG";
const LAG_HOURS: &str = "MDS_LAG_HOURS";
pub(crate) const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
const SECRETS_ENDPOINT: &str = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
/// The SDK gets credentials there.
const TOKENS_ENDPOINT: &str = "AWS_ENDPOINT_URL_STS";

/// How many hours after its end an hour is due, unless the deployment or the provider has a lag of
/// its own.
const DEFAULT_LAG_HOURS: u32 = 30;

/// The longest lag of a deployment or a request; a provider's entry may give the same.
pub const MAX_LAG_HOURS: u32 = 366 * 24;

/// Where the Fernet keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// From `ATD_MDS_FERNET_KEY`.
    Given(FernetKeys),
    /// From the secret in Secrets Manager that `ATD_MDS_FERNET_KEY_SECRET` names.
    SecretsManager {
        /// The secret's name or ARN.
        id: String,
    },
}

/// The values of the environment variables (docs/CONTRACT.md, "Environment variables").
#[derive(Debug, Clone)]
pub struct Environment {
    /// `ATD_MDS_RUN_MODE`; the default is staging.
    pub stage: Stage,
    /// `ATD_MDS_BUCKET`.
    pub bucket: String,
    /// The Fernet keys, or the secret that holds them.
    pub fernet_keys: KeySource,
    /// `ATD_MDS_PROVIDERS`: the key of the providers file in the bucket.
    pub providers_key: String,
    /// `ATD_MDS_SETTINGS`: the key of the settings file in the bucket.
    pub settings_key: String,
    /// The variables of the AWS SDK.
    pub aws: AwsOptions,
    pub(crate) secrets_endpoint: Option<String>,
    /// `ATD_MDS_PLAIN_CONFIG`: whether the two files may be plain in production.
    allows_plain: bool,
    /// `MDS_LAG_HOURS`: how many hours after its end an hour is due, for providers without a lag
    /// of their own.
    pub lag_hours: Option<u32>,
}

impl Environment {
    /// Reads the process's own variables.
    ///
    /// # Errors
    ///
    /// As [`Environment::from_lookup`].
    pub fn from_process() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the variables with `lookup`. White space around a value is ignored, and an empty value
    /// counts as not set.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] if there is no bucket or no Fernet key, [`ConfigError::Invalid`]
    /// for an unknown stage, a malformed key or lag, or a service that would be reached without
    /// TLS.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| {
            let value = lookup(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let stage = stage(get(RUN_MODE))?;
        let settings_key = get(SETTINGS).unwrap_or_else(|| default_key("settings", stage));
        let providers_key = get(PROVIDERS).unwrap_or_else(|| default_key("providers", stage));
        check_apart(&settings_key, &providers_key, stage)?;
        for name in [ENDPOINT, S3_ENDPOINT, SECRETS_ENDPOINT, TOKENS_ENDPOINT] {
            get(name).map_or(Ok(()), |url| check_endpoint(name, &url))?;
        }
        Ok(Self {
            stage,
            bucket: get(BUCKET).ok_or(ConfigError::Missing {
                key: BUCKET.to_owned(),
                hint: "set it to the name of the S3 bucket",
            })?,
            fernet_keys: key_source(get(FERNET_KEY), get(FERNET_KEY_SECRET))?,
            providers_key,
            settings_key,
            aws: AwsOptions::from_lookup(get),
            secrets_endpoint: get(SECRETS_ENDPOINT),
            allows_plain: allows_plain(get(PLAIN_CONFIG))?,
            lag_hours: lag_hours(get(LAG_HOURS))?,
        })
    }

    /// The same environment in another stage. The keys of the two files change with it, unless
    /// their variables set them.
    #[must_use]
    pub fn with_stage(mut self, stage: Stage) -> Self {
        for (key, name) in [
            (&mut self.providers_key, "providers"),
            (&mut self.settings_key, "settings"),
        ] {
            if *key == default_key(name, self.stage) {
                *key = default_key(name, stage);
            }
        }
        self.stage = stage;
        self
    }
}

impl Environment {
    /// Whether the settings and providers files may be plain: always for trials, and in production
    /// if `ATD_MDS_PLAIN_CONFIG` allows it. Whoever can write to the bucket could otherwise point
    /// the pipeline at a database of their own.
    #[must_use]
    pub fn may_be_plain(&self) -> bool {
        self.stage != Stage::Production || self.allows_plain
    }

    /// How many hours after its end an hour is due, for a provider with this lag of its own: plans,
    /// views and reports all ask here, so that none takes an hour for missing that no other expects
    /// yet.
    #[must_use]
    pub fn lag_of(&self, own: Option<u32>) -> u32 {
        own.or(self.lag_hours).unwrap_or(DEFAULT_LAG_HOURS)
    }

    /// The error of a file that is plain but must not be. `variable` names the file's key.
    pub(crate) fn plain_file(variable: &'static str, key: &str) -> ConfigError {
        ConfigError::invalid(
            variable,
            format!(
                "names the object {key:?}, which is not encrypted; store it with `mds config put`, or \
                 set {PLAIN_CONFIG}=allow to use plain files in production"
            ),
        )
    }

    /// Refuses a plain file where [`Environment::may_be_plain`] is false, before it is stored.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for the key of the settings or the providers file.
    pub fn check_plain(&self, key: &str) -> Result<(), ConfigError> {
        let variable = if key == self.settings_key {
            SETTINGS
        } else if key == self.providers_key {
            PROVIDERS
        } else {
            return Ok(());
        };
        if self.may_be_plain() {
            Ok(())
        } else {
            Err(Self::plain_file(variable, key))
        }
    }
}

fn allows_plain(value: Option<String>) -> Result<bool, ConfigError> {
    match value {
        None => Ok(false),
        Some(word) if word.eq_ignore_ascii_case("allow") => Ok(true),
        Some(_) => Err(ConfigError::invalid(
            PLAIN_CONFIG,
            "must be allow, or not set",
        )),
    }
}

fn lag_hours(value: Option<String>) -> Result<Option<u32>, ConfigError> {
    let Some(text) = value else {
        return Ok(None);
    };
    let lag = text.parse().ok().filter(|lag| *lag <= MAX_LAG_HOURS);
    lag.map(Some).ok_or_else(|| {
        ConfigError::invalid(
            LAG_HOURS,
            format!("must be a whole number from 0 to {MAX_LAG_HOURS}"),
        )
    })
}

/// Refuses an address of AWS without TLS: the response holds the Fernet keys or the archive, and
/// requests have credentials. `name` is the variable that names the address.
///
/// # Errors
///
/// [`ConfigError::Invalid`] for plain http to another host than loopback.
pub fn check_endpoint(name: &'static str, url: &str) -> Result<(), ConfigError> {
    let Ok(url) = Url::parse(url) else {
        return Err(ConfigError::invalid(
            name,
            "must be a URL such as https://host",
        ));
    };
    if http_kit::is_secure(&url) {
        return Ok(());
    }
    Err(ConfigError::invalid(
        name,
        "must start with https:// (plain http is for loopback hosts only)",
    ))
}

fn default_key(name: &str, stage: Stage) -> String {
    format!("config/{name}_{stage}.json")
}

/// Refuses one object for both files, by the variable that names the other one's.
fn check_apart(settings: &str, providers: &str, stage: Stage) -> Result<(), ConfigError> {
    if settings != providers {
        return Ok(());
    }
    let (variable, other) = if *providers == default_key("providers", stage) {
        (SETTINGS, "providers")
    } else {
        (PROVIDERS, "settings")
    };
    Err(ConfigError::invalid(
        variable,
        format!("names the {other} file {settings}; settings and providers are two objects"),
    ))
}

fn stage(value: Option<String>) -> Result<Stage, ConfigError> {
    value.map_or(Ok(Stage::Staging), |value| {
        value
            .parse()
            .map_err(|_| ConfigError::invalid(RUN_MODE, "must be STAGING or PRODUCTION"))
    })
}

fn key_source(keys: Option<String>, secret: Option<String>) -> Result<KeySource, ConfigError> {
    match (keys, secret) {
        (Some(keys), _) => FernetKeys::parse(&keys.into())
            .map(KeySource::Given)
            .map_err(|error| {
                ConfigError::invalid(FERNET_KEY, format!("is not a list of keys: {error}"))
            }),
        (None, Some(id)) => Ok(KeySource::SecretsManager { id }),
        (None, None) => Err(ConfigError::Missing {
            key: FERNET_KEY.to_owned(),
            hint: "set it, or ATD_MDS_FERNET_KEY_SECRET to a secret that holds it",
        }),
    }
}

#[cfg(test)]
mod tests;
