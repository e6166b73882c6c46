//! What is wrong with a configuration.

use vault::VaultError;

/// A setting that is missing or malformed: `ConfigInvalid`, naming the key and never its value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable, a key or an object that is needed is not there.
    #[error("{key} is not set")]
    Missing {
        /// The variable, the key or the object.
        key: String,
    },
    /// A value that cannot be right.
    #[error("{key}: {why}")]
    Invalid {
        /// The variable or the key.
        key: String,
        /// What is wrong, without the value.
        why: String,
    },
    /// An object that cannot be read.
    #[error("{key} cannot be read")]
    Object {
        /// The object's key.
        key: String,
        /// What the bucket said.
        #[source]
        source: Box<VaultError>,
    },
    /// Secrets Manager does not give out the encryption keys.
    #[error("ATD_MDS_FERNET_KEY_SECRET: Secrets Manager did not answer with a secret ({why})")]
    Secret {
        /// The service's own word.
        why: String,
    },
}

impl ConfigError {
    pub(crate) fn invalid(key: &str, why: impl Into<String>) -> Self {
        Self::Invalid {
            key: key.to_owned(),
            why: why.into(),
        }
    }

    /// Says in which object the key stands.
    pub(crate) fn within(self, object: &str) -> Self {
        match self {
            Self::Missing { key } => Self::Missing {
                key: format!("{key} in {object}"),
            },
            Self::Invalid { key, why } => Self::Invalid {
                key: format!("{key} in {object}"),
                why,
            },
            other => other,
        }
    }

    /// What the bucket said, where that is the reason.
    #[must_use]
    pub fn storage(&self) -> Option<&VaultError> {
        match self {
            Self::Object { source, .. } => Some(source),
            _ => None,
        }
    }
}
