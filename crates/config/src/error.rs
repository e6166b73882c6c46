use boundaries::BoundaryError;
use vault::VaultError;

/// Configuration that is missing, malformed or out of reach: `ConfigInvalid` (docs/CONTRACT.md,
/// Events and errors) unless [`ConfigError::is_transient`]. Always names the key, never its value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key that is needed has no value.
    #[error("{key} is missing; {hint}")]
    Missing {
        /// The key of the environment or of a file.
        key: String,
        /// Where to set it.
        hint: &'static str,
    },
    /// A key has a value that cannot be used.
    #[error("{key} {why}")]
    Invalid {
        /// The key of the environment or of a file.
        key: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// An object in the bucket that a key names cannot be had.
    #[error("{key}: {source}")]
    Object {
        /// The key that names the object, or its default.
        key: &'static str,
        /// Why not.
        source: VaultError,
    },
    /// The Fernet keys cannot be read from Secrets Manager.
    #[error("ATD_MDS_FERNET_KEY_SECRET: Secrets Manager does not give the secret ({why})")]
    Secret {
        /// Secrets Manager's own name and text of the error, or the cause of no answer.
        why: String,
        /// Whether waiting can help.
        transient: bool,
    },
    /// A layer of boundaries cannot be used.
    #[error("BOUNDARIES: {0}")]
    Boundary(#[from] BoundaryError),
}

impl ConfigError {
    /// Whether the same configuration may load later: the bucket or Secrets Manager gave no answer.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Object { source, .. } => source.is_transient(),
            Self::Secret { transient, .. } => *transient,
            _ => false,
        }
    }

    /// The vault's error, where the bucket was at fault.
    #[must_use]
    pub fn vault_error(&self) -> Option<&VaultError> {
        match self {
            Self::Object { source, .. } => Some(source),
            _ => None,
        }
    }

    pub(crate) fn invalid(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid {
            key: key.into(),
            why: why.into(),
        }
    }
}
