//! The dataset, its portal, and the key to it.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

/// A dataset and the key to write to it (docs/CONTRACT.md, "Settings"). `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct SocrataConfig {
    /// The portal, as [`parse_endpoint`] reads it.
    pub endpoint: Url,
    /// The dataset.
    pub dataset: DatasetId,
    /// Identifies the application. Requests with it are throttled less than anonymous ones.
    pub app_token: SecretString,
    /// Id of the API key: the user name of Basic authentication.
    pub key_id: SecretString,
    /// Secret of the API key: its password.
    pub key_secret: SecretString,
    /// Rows per request, at most [`MAX_CHUNK_ROWS`](crate::MAX_CHUNK_ROWS).
    pub chunk_rows: usize,
}

/// Identifies a dataset: two groups of four letters or digits, `abcd-1234`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatasetId(String);

/// The text is not an id of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a dataset id: it must look like abcd-1234")]
pub struct DatasetIdError;

impl DatasetId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatasetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DatasetId {
    type Err = DatasetIdError;

    fn from_str(text: &str) -> Result<Self, DatasetIdError> {
        let id = text.trim().to_ascii_lowercase();
        let is_group = |group: &str| {
            group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        match id.split_once('-') {
            Some((first, second)) if is_group(first) && is_group(second) => Ok(Self(id)),
            _ => Err(DatasetIdError),
        }
    }
}

impl TryFrom<String> for DatasetId {
    type Error = DatasetIdError;

    fn try_from(text: String) -> Result<Self, DatasetIdError> {
        text.parse()
    }
}

impl From<DatasetId> for String {
    fn from(id: DatasetId) -> Self {
        id.0
    }
}

/// Why a text is not the address of a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither a host name nor a URL.
    #[error(
        "is neither a host name such as data.example.gov nor a URL such as https://data.example.gov"
    )]
    NotAnAddress,
    /// Credentials would be sent unencrypted.
    #[error("must use https:// (plain http is for loopback hosts only)")]
    NotSecure,
    /// The address has a user or a password, which would not be used.
    #[error(
        "must not have a login (`user:password@`): that of the portal is SOCRATA_KEY_ID and SOCRATA_KEY_SECRET"
    )]
    HasLogin,
}

/// Reads the address of a portal, a host name or a URL, into a URL. A path is left out, as the
/// older tool did: see [`has_unused_path`].
///
/// # Errors
///
/// The text is neither, it is plain http to a host other than loopback, or it has a login.
pub fn parse_endpoint(text: &str) -> Result<Url, EndpointError> {
    let mut url = read_address(text)?;
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// Whether the address of a portal has a path, which is not used: mostly that of a dataset.
#[must_use]
pub fn has_unused_path(text: &str) -> bool {
    parse_endpoint(text).is_ok_and(|used| read_address(text) != Ok(used))
}

fn read_address(text: &str) -> Result<Url, EndpointError> {
    let text = text.trim();
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    };
    let url = url
        .ok()
        .filter(Url::has_host)
        .ok_or(EndpointError::NotAnAddress)?;
    check_secure(&url)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointError::HasLogin);
    }
    Ok(url)
}

/// Refuses an endpoint that the key must not be sent to.
pub(crate) fn check_secure(url: &Url) -> Result<(), EndpointError> {
    if http_kit::is_secure(url) {
        Ok(())
    } else {
        Err(EndpointError::NotSecure)
    }
}

#[cfg(test)]
mod tests;
