//! What is wrong with the configuration.

use boundaries::BoundaryError;
use trips::block::ProviderNameError;
use vault::VaultError;

use crate::environment::{PROVIDERS, SETTINGS};
use crate::settings::BOUNDARIES;

/// Why the configuration cannot be used: `ConfigInvalid` (docs/CONTRACT.md, "Error names"), unless
/// [`ConfigError::is_transient`]. Every message names the key, and none holds its value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A required key has no value.
    #[error("{key} is missing; {hint}")]
    Missing {
        /// The environment variable, or the key in a file.
        key: String,
        /// Where to set it.
        hint: &'static str,
    },
    /// The value of a key cannot be used.
    #[error("{key} {why}")]
    Invalid {
        /// The environment variable, or the key in a file.
        key: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A provider's name in the providers file cannot be used.
    #[error("{0}")]
    Name(ProviderNameError),
    /// The object that a key names cannot be read from the bucket.
    #[error("{}", object_problem(key, source))]
    Object {
        /// The key that names the object.
        key: &'static str,
        /// Why it cannot be read.
        source: VaultError,
    },
    /// The bucket no longer has the version of an object that a run began with.
    #[error("{key}: the configuration changed after the run was planned; start the run again")]
    Superseded {
        /// The key that names the object.
        key: &'static str,
    },
    /// A secret cannot be read from Secrets Manager.
    #[error("{key}: Secrets Manager did not return the secret ({why})")]
    Secret {
        /// The key that names the secret.
        key: &'static str,
        /// The name and text of Secrets Manager's error, or why there was no response.
        why: String,
        /// Whether the same request may succeed later.
        transient: bool,
    },
    /// A boundary layer cannot be used.
    #[error("BOUNDARIES: {why}")]
    Boundary {
        /// What is wrong with it. It is no source, since the message has all of it.
        why: BoundaryError,
    },
}

impl From<BoundaryError> for ConfigError {
    fn from(why: BoundaryError) -> Self {
        Self::Boundary { why }
    }
}

/// What is wrong with an object that a key names, and what to do about it. An error of the whole
/// bucket says both by itself.
fn object_problem(key: &str, error: &VaultError) -> String {
    let VaultError::NotFound { key: object, .. } = error else {
        return match error {
            VaultError::NoBucket { .. }
            | VaultError::NoCredentials { .. }
            | VaultError::Unavailable { .. }
            | VaultError::Refused { .. } => error.to_string(),
            _ => format!("{key}: {error}"),
        };
    };
    match key {
        SETTINGS => format!(
            "{error}: store the settings with `mds config put settings FILE`, or correct {key} if it names another object"
        ),
        PROVIDERS => format!(
            "{error}: store the providers with `mds config put providers FILE`, or correct {key} if it names another object"
        ),
        BOUNDARIES => format!(
            "{key}: {error}; store it with `mds config put {object} FILE --plain-text`, or set BOUNDARIES to the \
             layers that there are ([] for none)"
        ),
        _ => format!("{key}: {error}; store it with `mds config put {object} FILE`"),
    }
}

impl ConfigError {
    /// Returns whether the same configuration may load later, because the bucket or Secrets Manager
    /// did not respond.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Object { source, .. } => source.is_transient(),
            Self::Secret { transient, .. } => *transient,
            _ => false,
        }
    }

    pub(crate) fn invalid(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid {
            key: key.into(),
            why: why.into(),
        }
    }
}
