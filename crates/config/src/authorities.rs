//! `DATABASE_CA`: where the authorities that the database's certificate is checked with come from.

use crate::error::ConfigError;
use crate::settings::{DATABASE_CA, Settings};

/// S3 allows no longer keys.
const MAX_KEY_BYTES: usize = 1024;

/// Where the authorities are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthoritySource<'a> {
    /// The setting itself has them, in PEM.
    Pem(&'a str),
    /// An object of the bucket with this key.
    Object(&'a str),
}

impl Settings {
    /// `DATABASE_CA`: certificates in PEM, or the key of an object that holds them. The functions
    /// may read only keys in `config/` that end in `.pem`.
    ///
    /// # Errors
    ///
    /// It is neither.
    pub fn authorities(&self) -> Result<Option<AuthoritySource<'_>>, ConfigError> {
        let Some(value) = self.text(DATABASE_CA)? else {
            return Ok(None);
        };
        if value.contains("-----BEGIN") {
            return Ok(Some(AuthoritySource::Pem(value)));
        }
        let name = value
            .strip_prefix("config/")
            .and_then(|rest| rest.strip_suffix(".pem"));
        let is_key = value.len() <= MAX_KEY_BYTES && !value.chars().any(char::is_control);
        if is_key && name.is_some_and(|name| !name.is_empty()) {
            return Ok(Some(AuthoritySource::Object(value)));
        }
        Err(ConfigError::invalid(
            DATABASE_CA,
            "must be certificates in PEM, or the key of an object that holds them, such as config/database.pem",
        ))
    }
}
