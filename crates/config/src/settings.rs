//! The settings file.

use boundaries::{Layer, default_layers};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use socrata::{DatasetId, MOST_CHUNK_ROWS, SocrataConfig, parse_endpoint};
use trips::ids::PublicIdKey;
use trips::time::CivilZone;
use vault::Compression;

use crate::error::ConfigError;
use crate::providers::json_fault;

/// What the settings file says. What only some steps need is checked when a step asks for it, so that `extract` runs
/// without a portal.
#[derive(Debug)]
pub struct Settings {
    /// `TIME_ZONE`, `US/Central` unless set.
    pub time_zone: CivilZone,
    /// `BOUNDARIES`, the three layers of SPEC.md, "Postgres", unless set.
    pub boundaries: Vec<Layer>,
    /// `ARCHIVE_COMPRESSION`, `zstd` unless set.
    pub archive_compression: Compression,
    database_url: Option<SecretString>,
    public_id_key: Option<SecretString>,
    socrata_endpoint: Option<String>,
    socrata_dataset: Option<String>,
    socrata_app_token: Option<SecretString>,
    socrata_key_id: Option<SecretString>,
    socrata_key_secret: Option<SecretString>,
    socrata_chunk_rows: usize,
}

const DATABASE_URL: &str = "DATABASE_URL";
const PUBLIC_ID_KEY: &str = "PUBLIC_ID_KEY";
const SOCRATA_DATA_ENDPOINT: &str = "SOCRATA_DATA_ENDPOINT";
const SOCRATA_DATASET: &str = "SOCRATA_DATASET";
const SOCRATA_APP_TOKEN: &str = "SOCRATA_APP_TOKEN";
const SOCRATA_KEY_ID: &str = "SOCRATA_KEY_ID";
const SOCRATA_KEY_SECRET: &str = "SOCRATA_KEY_SECRET";
const SOCRATA_CHUNK_ROWS: &str = "SOCRATA_CHUNK_ROWS";

impl Settings {
    /// Reads the file; unknown keys are allowed.
    ///
    /// # Errors
    /// [`ConfigError`] that names the malformed key.
    pub fn from_json(text: &[u8]) -> Result<Self, ConfigError> {
        let file: Map<String, Value> = serde_json::from_slice(text)
            .map_err(|e| ConfigError::invalid("settings", json_fault(&e)))?;
        let file = File(file);
        Ok(Self {
            time_zone: time_zone(&file)?,
            boundaries: file
                .parsed("BOUNDARIES", "must be a list of {\"layer\", \"key\", \"property\"}")?
                .unwrap_or_else(default_layers),
            archive_compression: file
                .parsed("ARCHIVE_COMPRESSION", "must be \"zstd\" or \"none\"")?
                .unwrap_or(Compression::Zstd),
            database_url: file.secret(DATABASE_URL)?,
            public_id_key: file.secret(PUBLIC_ID_KEY)?,
            socrata_endpoint: file.text(SOCRATA_DATA_ENDPOINT)?,
            socrata_dataset: file.text(SOCRATA_DATASET)?,
            socrata_app_token: file.secret(SOCRATA_APP_TOKEN)?,
            socrata_key_id: file.secret(SOCRATA_KEY_ID)?,
            socrata_key_secret: file.secret(SOCRATA_KEY_SECRET)?,
            socrata_chunk_rows: chunk_rows(&file)?,
        })
    }

    /// `DATABASE_URL`.
    ///
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn database_url(&self) -> Result<&SecretString, ConfigError> {
        needed(self.database_url.as_ref(), DATABASE_URL)
    }

    /// `PUBLIC_ID_KEY`.
    ///
    /// # Errors
    /// [`ConfigError`] if it is missing or too easy to guess.
    pub fn public_id_key(&self) -> Result<PublicIdKey, ConfigError> {
        let secret = needed(self.public_id_key.as_ref(), PUBLIC_ID_KEY)?;
        PublicIdKey::new(secret).map_err(|e| ConfigError::invalid(PUBLIC_ID_KEY, e.to_string()))
    }

    /// The `SOCRATA_…` keys.
    ///
    /// # Errors
    /// [`ConfigError`] that names the first one that is missing or malformed.
    pub fn socrata(&self) -> Result<SocrataConfig, ConfigError> {
        let endpoint = needed(self.socrata_endpoint.as_ref(), SOCRATA_DATA_ENDPOINT)?;
        let dataset = needed(self.socrata_dataset.as_ref(), SOCRATA_DATASET)?;
        Ok(SocrataConfig {
            endpoint: parse_endpoint(endpoint)
                .map_err(|e| ConfigError::invalid(SOCRATA_DATA_ENDPOINT, e.to_string()))?,
            dataset: dataset
                .parse::<DatasetId>()
                .map_err(|e| ConfigError::invalid(SOCRATA_DATASET, e.to_string()))?,
            app_token: needed(self.socrata_app_token.as_ref(), SOCRATA_APP_TOKEN)?.clone(),
            key_id: needed(self.socrata_key_id.as_ref(), SOCRATA_KEY_ID)?.clone(),
            key_secret: needed(self.socrata_key_secret.as_ref(), SOCRATA_KEY_SECRET)?.clone(),
            chunk_rows: self.socrata_chunk_rows,
        })
    }
}

fn needed<'a, T>(value: Option<&'a T>, key: &str) -> Result<&'a T, ConfigError> {
    value.ok_or_else(|| ConfigError::Missing {
        key: key.to_owned(),
    })
}

fn time_zone(file: &File) -> Result<CivilZone, ConfigError> {
    let Some(name) = file.text("TIME_ZONE")? else {
        return Ok(CivilZone::default());
    };
    // A zone's name is no secret, and the error needs it.
    name.parse::<CivilZone>()
        .map_err(|e| ConfigError::invalid("TIME_ZONE", e.to_string()))
}

fn chunk_rows(file: &File) -> Result<usize, ConfigError> {
    let why = format!("must be a number from 1 to {MOST_CHUNK_ROWS}");
    match file.parsed::<usize>(SOCRATA_CHUNK_ROWS, &why)? {
        None => Ok(MOST_CHUNK_ROWS),
        Some(rows) if (1..=MOST_CHUNK_ROWS).contains(&rows) => Ok(rows),
        Some(_) => Err(ConfigError::invalid(SOCRATA_CHUNK_ROWS, why)),
    }
}

struct File(Map<String, Value>);

impl File {
    /// A key's value; null counts as not there.
    fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn parsed<T: DeserializeOwned>(&self, key: &str, why: &str) -> Result<Option<T>, ConfigError> {
        self.value(key)
            .map(|value| T::deserialize(value).map_err(|_| ConfigError::invalid(key, why)))
            .transpose()
    }

    /// A text; an empty one counts as not there.
    fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let text = self.parsed::<String>(key, "must be a text")?;
        Ok(text.filter(|text| !text.trim().is_empty()))
    }

    fn secret(&self, key: &str) -> Result<Option<SecretString>, ConfigError> {
        Ok(self.text(key)?.map(SecretString::from))
    }
}
