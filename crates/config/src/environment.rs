//! The environment variables of every function and of the command line.

use std::fmt;

use aws_config::SdkConfig;
use secrecy::SecretString;
use trips::block::Stage;
use vault::AwsOptions;

use crate::error::ConfigError;

const BUCKET: &str = "ATD_MDS_BUCKET";
const RUN_MODE: &str = "ATD_MDS_RUN_MODE";
const FERNET_KEY: &str = "ATD_MDS_FERNET_KEY";
const FERNET_KEY_SECRET: &str = "ATD_MDS_FERNET_KEY_SECRET";
const PROVIDERS: &str = "ATD_MDS_PROVIDERS";
const SETTINGS: &str = "ATD_MDS_SETTINGS";
const DEFAULT_RUN_MODE: &str = "STAGING";

/// What the variables say.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `ATD_MDS_BUCKET`.
    pub bucket: String,
    /// `ATD_MDS_RUN_MODE`, `STAGING` unless set.
    pub stage: Stage,
    /// Key of the providers file: `ATD_MDS_PROVIDERS` or `config/providers_{stage}.json`.
    pub providers_key: String,
    /// Key of the settings file: `ATD_MDS_SETTINGS` or `config/settings_{stage}.json`.
    pub settings_key: String,
    pub(crate) fernet: FernetSource,
    pub(crate) aws: AwsOptions,
}

/// Where the encryption keys come from.
#[derive(Clone)]
pub(crate) enum FernetSource {
    Variable(SecretString),
    SecretsManager { secret_id: String },
}

impl Environment {
    /// Reads the variables of this process.
    ///
    /// # Errors
    /// As [`Environment::from_lookup`].
    pub fn from_process() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the variables through `lookup`; an empty value counts as none.
    ///
    /// # Errors
    /// [`ConfigError`] that names the variable.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let stage: Stage = get(RUN_MODE)
            .as_deref()
            .unwrap_or(DEFAULT_RUN_MODE)
            .trim()
            .parse()
            .map_err(|_| ConfigError::invalid(RUN_MODE, "must be STAGING or PRODUCTION"))?;
        Ok(Self {
            bucket: get(BUCKET).ok_or_else(|| ConfigError::Missing { key: BUCKET.into() })?,
            stage,
            providers_key: get(PROVIDERS).unwrap_or_else(|| default_providers(stage)),
            settings_key: get(SETTINGS).unwrap_or_else(|| default_settings(stage)),
            fernet: FernetSource::from_lookup(get)?,
            aws: AwsOptions::from_lookup(get),
        })
    }

    /// The same deployment with the default files of another stage.
    #[must_use]
    pub fn with_stage(self, stage: Stage) -> Self {
        Self {
            stage,
            providers_key: default_providers(stage),
            settings_key: default_settings(stage),
            ..self
        }
    }
}

fn default_providers(stage: Stage) -> String {
    format!("config/providers_{stage}.json")
}

fn default_settings(stage: Stage) -> String {
    format!("config/settings_{stage}.json")
}

impl FernetSource {
    fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        if let Some(keys) = get(FERNET_KEY) {
            return Ok(Self::Variable(keys.into()));
        }
        let secret_id = get(FERNET_KEY_SECRET).ok_or_else(|| ConfigError::Missing {
            key: format!("{FERNET_KEY} (or {FERNET_KEY_SECRET})"),
        })?;
        Ok(Self::SecretsManager { secret_id })
    }

    pub(crate) fn variable(&self) -> &'static str {
        match self {
            Self::Variable(_) => FERNET_KEY,
            Self::SecretsManager { .. } => FERNET_KEY_SECRET,
        }
    }

    pub(crate) async fn keys(&self, sdk: &SdkConfig) -> Result<SecretString, ConfigError> {
        let secret_id = match self {
            Self::Variable(keys) => return Ok(keys.clone()),
            Self::SecretsManager { secret_id } => secret_id,
        };
        let failed = |why: String| ConfigError::Secret { why };
        let answer = aws_sdk_secretsmanager::Client::new(sdk)
            .get_secret_value()
            .secret_id(secret_id)
            .send()
            .await
            .map_err(|e| {
                let service = e.as_service_error().map(ToString::to_string);
                failed(service.unwrap_or_else(|| "it could not be reached".to_owned()))
            })?;
        answer
            .secret_string
            .map(SecretString::from)
            .ok_or_else(|| failed("the secret is binary; store the keys as text".to_owned()))
    }
}

impl fmt::Debug for FernetSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.variable())
    }
}
