//! Which dataset, where, and with whose key.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// A dataset of a portal and the key to write it (docs/CONTRACT.md, Configuration). `Debug` shows
/// no secret.
#[derive(Clone, Debug)]
pub struct SocrataConfig {
    /// The portal, as [`parse_endpoint`] reads it.
    pub endpoint: Url,
    /// The dataset.
    pub dataset: DatasetId,
    /// Identifies the application, and lifts the limits for anonymous clients.
    pub app_token: SecretString,
    /// Id of the API key: the user name of Basic authentication.
    pub key_id: SecretString,
    /// Secret of the API key: its password.
    pub key_secret: SecretString,
    /// Rows a request, at most [`MAX_CHUNK_ROWS`](crate::MAX_CHUNK_ROWS).
    pub chunk_rows: usize,
}

/// Identifies a dataset: two groups of four letters or digits, `abcd-1234`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatasetId(String);

/// A text that is no id of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no dataset id: it must look like abcd-1234")]
pub struct DatasetIdError;

impl DatasetId {
    /// The id.
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

/// A text that is no address of a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither a host name nor a URL.
    #[error(
        "is neither a host name such as data.example.gov nor a URL such as https://data.example.gov"
    )]
    NotAnAddress,
    /// Credentials would travel in the clear.
    #[error("must use https:// (plain http is for loopback hosts only)")]
    NotSecure,
}

/// Reads the address of a portal, a host name or a URL, into a URL.
///
/// # Errors
///
/// The text is neither, or it asks for plain http to another host than loopback.
pub fn parse_endpoint(text: &str) -> Result<Url, EndpointError> {
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
    Ok(url)
}

/// Whether the key may be sent there: over TLS, or to this very machine.
pub(crate) fn check_secure(url: &Url) -> Result<(), EndpointError> {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback => Ok(()),
        _ => Err(EndpointError::NotSecure),
    }
}

#[cfg(test)]
mod tests;
