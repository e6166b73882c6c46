//! The settings file.

use std::fmt;
use std::sync::Arc;

use boundaries::{BoundaryError, Layer};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use socrata::{DatasetId, MAX_CHUNK_ROWS, SocrataConfig};
use trips::ids::PublicIdKey;
use trips::json::objects;
use trips::public_row::{DeviceIdPeriod, DeviceIds, PublicForm, PublicTimes, TimeRounding};
use trips::time::{CivilZone, ZoneError};
use vault::Compression;

use crate::environment::SETTINGS;
use crate::error::ConfigError;
use crate::key_names::{SCHEMA, unknown};
use crate::kind::FileKind;
use crate::public_secret::{is_guessable, is_placeholder};
use crate::scope::{PUBLIC_ID_KEY, Scope};
use crate::text::{self, Texts, read_object};
use crate::warning::ConfigWarning;

pub(crate) const DATABASE_URL: &str = "DATABASE_URL";
pub(crate) const DATABASE_SECRET: &str = "DATABASE_SECRET";
pub(crate) const DATABASE_CA: &str = "DATABASE_CA";
pub(crate) const MIGRATION_DATABASE_URL: &str = "MIGRATION_DATABASE_URL";
pub(crate) const MIGRATION_DATABASE_SECRET: &str = "MIGRATION_DATABASE_SECRET";
const TIME_ZONE: &str = "TIME_ZONE";
const SOCRATA_DATA_ENDPOINT: &str = "SOCRATA_DATA_ENDPOINT";
const SOCRATA_DATASET: &str = "SOCRATA_DATASET";
const SOCRATA_APP_TOKEN: &str = "SOCRATA_APP_TOKEN";
const SOCRATA_KEY_ID: &str = "SOCRATA_KEY_ID";
const SOCRATA_KEY_SECRET: &str = "SOCRATA_KEY_SECRET";
const SOCRATA_CHUNK_ROWS: &str = "SOCRATA_CHUNK_ROWS";
const PUBLIC_TIME_ROUNDING_MINUTES: &str = "PUBLIC_TIME_ROUNDING_MINUTES";
const PUBLIC_DEVICE_ID_PERIOD: &str = "PUBLIC_DEVICE_ID_PERIOD";
pub(crate) const BOUNDARIES: &str = "BOUNDARIES";
const ARCHIVE_COMPRESSION: &str = "ARCHIVE_COMPRESSION";

const KEYS: [&str; 17] = [
    DATABASE_URL,
    DATABASE_SECRET,
    DATABASE_CA,
    MIGRATION_DATABASE_URL,
    MIGRATION_DATABASE_SECRET,
    TIME_ZONE,
    SOCRATA_DATA_ENDPOINT,
    SOCRATA_DATASET,
    SOCRATA_APP_TOKEN,
    SOCRATA_KEY_ID,
    SOCRATA_KEY_SECRET,
    SOCRATA_CHUNK_ROWS,
    PUBLIC_ID_KEY,
    PUBLIC_TIME_ROUNDING_MINUTES,
    PUBLIC_DEVICE_ID_PERIOD,
    BOUNDARIES,
    ARCHIVE_COMPRESSION,
];
/// The word for device ids that never change.
const FOREVER: &str = "forever";
/// The keys of the portal: either all have a value or none.
const PORTAL: [&str; 5] = [
    SOCRATA_DATA_ENDPOINT,
    SOCRATA_DATASET,
    SOCRATA_APP_TOKEN,
    SOCRATA_KEY_ID,
    SOCRATA_KEY_SECRET,
];

/// The settings file (docs/CONTRACT.md, "Settings"). Unknown keys are allowed, with a warning.
/// `Debug` shows which keys have a value, but not the values.
#[derive(Clone)]
pub struct Settings {
    /// `TIME_ZONE`; the default is `US/Central`.
    pub time_zone: CivilZone,
    /// `ARCHIVE_COMPRESSION`; the default is zstd.
    pub compression: Compression,
    /// Whether the city publishes: whether a key of the portal has a value, kept or not.
    pub has_portal: bool,
    texts: Texts,
    boundaries: Option<Value>,
    /// What is wrong with the keys that a load needs, whether they are kept or not.
    load_fault: Option<Arc<ConfigError>>,
    /// The same of those that publishing needs.
    publish_fault: Option<Arc<ConfigError>>,
    warnings: Vec<ConfigWarning>,
}

impl Settings {
    /// The keys that are read. Other keys are allowed, with a warning.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        KEYS.into_iter()
    }

    /// Reads the file's text.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for a text that is not a JSON object, and for a malformed
    /// `TIME_ZONE` or `ARCHIVE_COMPRESSION`, which every step needs. The other keys are checked
    /// when a step needs them, or by [`Settings::check`].
    pub fn from_json(text: &[u8]) -> Result<Self, ConfigError> {
        Self::from_json_for(text, Scope::All)
    }

    /// As [`Settings::from_json`], and keeps what the scope needs.
    ///
    /// # Errors
    ///
    /// As [`Settings::from_json`].
    pub fn from_json_for(text: &[u8], scope: Scope) -> Result<Self, ConfigError> {
        let mut settings = Self::read(text)?;
        settings.load_fault = settings.find_load_fault().err().map(Arc::new);
        settings.publish_fault = settings.find_publish_fault().err().map(Arc::new);
        let ids_change = !matches!(settings.device_id_period(), Ok(None));
        settings.texts.retain(|key| scope.keeps(key, ids_change));
        Ok(settings)
    }

    fn read(text: &[u8]) -> Result<Self, ConfigError> {
        let object = read_object(SETTINGS, text)?;
        FileKind::Settings.check_named(&object)?;
        let keys = object.keys().filter(|key| *key != SCHEMA);
        let mut warnings: Vec<_> = keys.filter_map(|key| unknown("", key, &KEYS)).collect();
        let texts = Texts::new(&object, &KEYS);
        let secret = texts.get(PUBLIC_ID_KEY).ok().flatten();
        if secret.is_some_and(is_guessable) {
            warnings.push(ConfigWarning::GuessableSecret { key: PUBLIC_ID_KEY });
        }
        let endpoint = texts.get(SOCRATA_DATA_ENDPOINT).ok().flatten();
        if endpoint.is_some_and(socrata::has_unused_path) {
            warnings.push(ConfigWarning::UnusedPath {
                key: SOCRATA_DATA_ENDPOINT,
            });
        }
        warnings.iter().for_each(ConfigWarning::log);
        Ok(Self {
            has_portal: PORTAL.iter().any(|key| texts.has(key)),
            time_zone: time_zone(&texts)?,
            compression: compression(&texts)?,
            texts,
            boundaries: object
                .get(BOUNDARIES)
                .filter(|value| !text::is_blank(value))
                .cloned(),
            load_fault: None,
            publish_fault: None,
            warnings,
        })
    }

    /// What is allowed in the file but seldom meant. [`Settings::from_json`] logs it.
    #[must_use]
    pub fn warnings(&self) -> &[ConfigWarning] {
        &self.warnings
    }

    /// Checks the keys that a load needs, also if they were not kept.
    ///
    /// # Errors
    ///
    /// The first that is missing or malformed.
    pub fn check_load(&self) -> Result<(), &ConfigError> {
        self.load_fault.as_deref().map_or(Ok(()), Err)
    }

    /// Checks the keys that publishing needs, also if they were not kept.
    ///
    /// # Errors
    ///
    /// The first that is missing or malformed.
    pub fn check_publish(&self) -> Result<(), &ConfigError> {
        self.publish_fault.as_deref().map_or(Ok(()), Err)
    }

    fn find_load_fault(&self) -> Result<(), ConfigError> {
        self.public_id_key()?;
        self.public_form()?;
        Ok(())
    }

    fn find_publish_fault(&self) -> Result<(), ConfigError> {
        self.socrata()?;
        self.public_form()?;
        Ok(())
    }

    /// Checks every key that has a value, and that there is a database. If one key of the portal
    /// has a value, all of them need one.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_database()?;
        self.boundaries()?;
        self.chunk_rows()?;
        self.public_form()?;
        if self.texts.has(PUBLIC_ID_KEY) {
            self.public_id_key()?;
        }
        if self.has_portal {
            self.socrata()?;
        }
        Ok(())
    }

    /// Checks what the settings say of the database, without reading a secret.
    fn check_database(&self) -> Result<(), ConfigError> {
        if !self.texts.has(DATABASE_SECRET) {
            self.texts.required(DATABASE_URL)?;
        }
        for key in [DATABASE_URL, MIGRATION_DATABASE_URL] {
            self.postgres_url(key)?;
        }
        for key in [DATABASE_SECRET, MIGRATION_DATABASE_SECRET] {
            self.texts.get(key)?;
        }
        self.authorities()?;
        Ok(())
    }

    /// The URL of a Postgres database under `key`. The store checks the rest of it.
    ///
    /// # Errors
    ///
    /// It is not a text, or not the URL of a Postgres database.
    pub fn postgres_url(&self, key: &'static str) -> Result<Option<&SecretString>, ConfigError> {
        let Some(url) = self.texts.secret(key)? else {
            return Ok(None);
        };
        if names_postgres(url.expose_secret()) {
            Ok(Some(url))
        } else {
            Err(ConfigError::invalid(
                key,
                "must be a URL such as postgres://user:password@host:5432/database",
            ))
        }
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>, ConfigError> {
        self.texts.get(key)
    }

    /// `PUBLIC_ID_KEY`, from which the public ids are derived.
    ///
    /// # Errors
    ///
    /// It is missing, too short for a secret, or a text that the documentation has in its place.
    pub fn public_id_key(&self) -> Result<PublicIdKey, ConfigError> {
        let secret = self.texts.required(PUBLIC_ID_KEY)?;
        if is_placeholder(secret.expose_secret()) {
            return Err(ConfigError::invalid(
                PUBLIC_ID_KEY,
                "is a text of the documentation, which everybody knows; put the output of \
                 `openssl rand -base64 32` in its place",
            ));
        }
        PublicIdKey::new(secret).map_err(|_| {
            ConfigError::invalid(
                PUBLIC_ID_KEY,
                "is too short; use a random text of 16 bytes or more",
            )
        })
    }

    /// How published times are written: in civil time of `TIME_ZONE`, and rounded to multiples of
    /// `PUBLIC_TIME_ROUNDING_MINUTES`.
    ///
    /// # Errors
    ///
    /// `PUBLIC_TIME_ROUNDING_MINUTES` is not a number of minutes to which times are rounded.
    pub fn public_times(&self) -> Result<PublicTimes, ConfigError> {
        let rounding = match self.texts.get(PUBLIC_TIME_ROUNDING_MINUTES)? {
            None => TimeRounding::NONE,
            Some(minutes) => minutes
                .parse()
                .ok()
                .and_then(|minutes| TimeRounding::minutes(minutes).ok())
                .ok_or_else(|| {
                    ConfigError::invalid(
                        PUBLIC_TIME_ROUNDING_MINUTES,
                        "must be 0, 5, 10, 15, 30 or 60",
                    )
                })?,
        };
        Ok(PublicTimes {
            zone: self.time_zone,
            rounding,
        })
    }

    /// How trips become published rows: their times, and `PUBLIC_DEVICE_ID_PERIOD`.
    ///
    /// # Errors
    ///
    /// One of the settings is malformed, or `PUBLIC_ID_KEY`, which ids that change need, is
    /// missing.
    pub fn public_form(&self) -> Result<PublicForm, ConfigError> {
        Ok(PublicForm {
            times: self.public_times()?,
            device_ids: match self.device_id_period()? {
                None => DeviceIds::Forever,
                Some(period) => DeviceIds::Changing {
                    period,
                    key: self.public_id_key()?,
                },
            },
        })
    }

    /// `None` if devices keep their ids for ever.
    fn device_id_period(&self) -> Result<Option<DeviceIdPeriod>, ConfigError> {
        let Some(word) = self
            .texts
            .get(PUBLIC_DEVICE_ID_PERIOD)?
            .filter(|word| !word.eq_ignore_ascii_case(FOREVER))
        else {
            return Ok(None);
        };
        DeviceIdPeriod::ALL
            .into_iter()
            .find(|period| period.as_str().eq_ignore_ascii_case(word))
            .map(Some)
            .ok_or_else(|| {
                let [month, week, day] = DeviceIdPeriod::ALL;
                let why = format!("must be {FOREVER}, {month}, {week} or {day}");
                ConfigError::invalid(PUBLIC_DEVICE_ID_PERIOD, why)
            })
    }

    /// The portal's dataset and the key to it: the keys that begin with `SOCRATA_`.
    ///
    /// # Errors
    ///
    /// The first of them that is missing or malformed.
    pub fn socrata(&self) -> Result<SocrataConfig, ConfigError> {
        let endpoint = self.texts.required(SOCRATA_DATA_ENDPOINT)?.expose_secret();
        Ok(SocrataConfig {
            endpoint: socrata::parse_endpoint(endpoint)
                .map_err(|error| ConfigError::invalid(SOCRATA_DATA_ENDPOINT, error.to_string()))?,
            dataset: self.dataset()?,
            app_token: self.texts.required(SOCRATA_APP_TOKEN)?.clone(),
            key_id: self.texts.required(SOCRATA_KEY_ID)?.clone(),
            key_secret: self.texts.required(SOCRATA_KEY_SECRET)?.clone(),
            chunk_rows: self.chunk_rows()?,
        })
    }

    /// `BOUNDARIES`; the default is [`boundaries::default_layers`].
    ///
    /// # Errors
    ///
    /// It is not a list of layers, or names a layer twice.
    pub fn boundaries(&self) -> Result<Vec<Layer>, ConfigError> {
        let Some(value) = &self.boundaries else {
            return Ok(boundaries::default_layers());
        };
        let layers: Vec<Layer> = objects(value.clone()).map_err(|_| {
            ConfigError::invalid(
                BOUNDARIES,
                "must be a list of {\"layer\", \"key\", \"property\"}, each layer one of \
                 council_district, census_geoid and cell",
            )
        })?;
        for (index, Layer { layer, .. }) in layers.iter().enumerate() {
            if layers[..index]
                .iter()
                .any(|earlier| earlier.layer == *layer)
            {
                return Err(BoundaryError::Duplicate { layer: *layer }.into());
            }
        }
        Ok(layers)
    }

    fn dataset(&self) -> Result<DatasetId, ConfigError> {
        let id = self.texts.required(SOCRATA_DATASET)?.expose_secret();
        id.parse().map_err(|error: socrata::DatasetIdError| {
            ConfigError::invalid(SOCRATA_DATASET, error.to_string())
        })
    }

    fn chunk_rows(&self) -> Result<usize, ConfigError> {
        let Some(text) = self.texts.get(SOCRATA_CHUNK_ROWS)? else {
            return Ok(MAX_CHUNK_ROWS);
        };
        text.parse()
            .ok()
            .filter(|rows| (1..=MAX_CHUNK_ROWS).contains(rows))
            .ok_or_else(|| {
                let why = format!("must be a whole number from 1 to {MAX_CHUNK_ROWS}");
                ConfigError::invalid(SOCRATA_CHUNK_ROWS, why)
            })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("time_zone", &self.time_zone)
            .field("compression", &self.compression)
            .field("keys", &self.texts.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Whether the URL's scheme is one of Postgres. SQLAlchemy's names a driver, too:
/// `postgresql+psycopg2`.
fn names_postgres(url: &str) -> bool {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let dialect = scheme
        .split_once('+')
        .map_or(scheme, |(dialect, _)| dialect);
    ["postgres", "postgresql"]
        .iter()
        .any(|known| dialect.eq_ignore_ascii_case(known))
}

fn time_zone(texts: &Texts) -> Result<CivilZone, ConfigError> {
    let Some(name) = texts.get(TIME_ZONE)? else {
        return Ok(CivilZone::default());
    };
    name.parse().map_err(|error| {
        let why = match error {
            ZoneError::Unknown { .. } => {
                "is not a time zone of the IANA database, such as US/Central".to_owned()
            }
            ZoneError::FractionalOffset { offset, .. } => format!(
                "is a zone that is {offset} from UTC; blocks need a zone that was and will be a \
                 whole number of hours from UTC"
            ),
        };
        ConfigError::invalid(TIME_ZONE, why)
    })
}

fn compression(texts: &Texts) -> Result<Compression, ConfigError> {
    match texts.get(ARCHIVE_COMPRESSION)? {
        None => Ok(Compression::default()),
        Some(word) if word.eq_ignore_ascii_case("zstd") => Ok(Compression::Zstd),
        Some(word) if word.eq_ignore_ascii_case("none") => Ok(Compression::None),
        Some(_) => Err(ConfigError::invalid(
            ARCHIVE_COMPRESSION,
            "must be zstd or none",
        )),
    }
}

#[cfg(test)]
mod tests;
