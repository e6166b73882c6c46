use std::error::Error;
use std::io;
use std::sync::Arc;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// Why a stored object cannot be turned back into what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The object holds no bytes, or nothing but white space.
    #[error("it is empty")]
    Empty,
    /// Neither JSON (by its first byte) nor a Fernet token.
    #[error("it is neither JSON nor a Fernet token")]
    Unknown,
    /// A Fernet token that does not end where a token can end.
    #[error("its Fernet token is cut short")]
    CutShort,
    /// A well-formed token that no key authenticates.
    #[error(
        "it is damaged, or sealed with a key that is not among the {keys} in ATD_MDS_FERNET_KEY; \
         add the older key after the first one"
    )]
    NoKeyFits {
        /// How many keys were tried.
        keys: usize,
    },
    /// Authentic, but what is inside does not decrypt or decompress.
    #[error("its content does not decrypt or decompress")]
    Content,
    /// Authentic, but no JSON of the expected shape. The place is kept, the text is not: it may be
    /// a secret.
    #[error("it is no JSON of the expected shape (line {line}, column {column})")]
    Json {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault, from 1.
        column: usize,
    },
}

/// What can go wrong between this program and the bucket. No variant holds a key, a credential or
/// any content of an object.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// There is no such object.
    #[error("there is no object {key:?} in the bucket")]
    NotFound {
        /// The object's key.
        key: String,
    },
    /// The object is there and was read whole, and is not usable.
    #[error("object {key:?} cannot be read: {why}")]
    Unreadable {
        /// The object's key.
        key: String,
        /// What is wrong with it.
        why: Unreadable,
    },
    /// The object was changed by somebody else since it was read.
    #[error("object {key:?} was changed by another writer meanwhile; read it again")]
    Changed {
        /// The object's key.
        key: String,
    },
    /// The service answered, and said no. Waiting does not help.
    #[error(
        "S3 refused the request for {key:?} ({code}: {message}); check the bucket's name, the \
         region and the role's permissions (without s3:ListBucket a missing object is refused too)"
    )]
    Refused {
        /// The object's key, or the prefix of a listing.
        key: String,
        /// S3's own name of the error, such as `AccessDenied`.
        code: String,
        /// S3's own explanation.
        message: String,
    },
    /// No answer, or one that can pass by waiting. Retries have been made.
    #[error("S3 could not be reached or did not answer as it should, for {key:?}: {message}")]
    Unavailable {
        /// The object's key, or the prefix of a listing.
        key: String,
        /// The cause in a line.
        message: String,
        /// The cause itself.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The temporary folder or the machine failed.
    #[error("object {key:?} could not be spooled to the temporary folder ({kind}); is there room?")]
    Scratch {
        /// The object's key.
        key: String,
        /// What the machine said.
        kind: io::ErrorKind,
    },
    /// A value could not be written as JSON.
    #[error("the value for object {key:?} could not be written as JSON")]
    NotJson {
        /// The object's key.
        key: String,
    },
    /// The writer had no tokio runtime to upload on.
    #[error("object {key:?} can only be written inside a tokio runtime")]
    NoRuntime {
        /// The object's key.
        key: String,
    },
}

impl VaultError {
    /// The object (or prefix) that the error is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::NotFound { key }
            | Self::Unreadable { key, .. }
            | Self::Changed { key }
            | Self::Refused { key, .. }
            | Self::Unavailable { key, .. }
            | Self::Scratch { key, .. }
            | Self::NotJson { key }
            | Self::NoRuntime { key } => key,
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Changed { .. })
    }

    /// The vault's own error inside an I/O error that [`crate::ObjectWriter`] or
    /// [`crate::ObjectReader`] returned, if there is one.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref::<Self>()
    }

    pub(crate) fn unreadable(key: &str, why: Unreadable) -> Self {
        Self::Unreadable {
            key: key.to_owned(),
            why,
        }
    }

    pub(crate) fn unavailable(key: &str, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable {
            key: key.to_owned(),
            message: innermost(&source),
            source: Arc::new(source),
        }
    }

    pub(crate) fn from_sdk<E>(key: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let status = error
            .raw_response()
            .map_or(0, |answer| answer.status().as_u16());
        let code = error.code().unwrap_or_default();
        match (status, code) {
            (_, "NoSuchKey") => Self::NotFound {
                key: key.to_owned(),
            },
            // A HEAD has no body, so its 404 has no code.
            (404, "" | "NotFound") => Self::NotFound {
                key: key.to_owned(),
            },
            (412, _) | (409, "ConditionalRequestConflict") => Self::Changed {
                key: key.to_owned(),
            },
            (408 | 429, _) => Self::unavailable(key, error),
            (300..=499, _) => Self::Refused {
                key: key.to_owned(),
                code: if code.is_empty() {
                    format!("HTTP {status}")
                } else {
                    code.to_owned()
                },
                message: error.message().unwrap_or("no explanation").to_owned(),
            },
            _ => Self::unavailable(key, error),
        }
    }
}

impl From<VaultError> for io::Error {
    fn from(error: VaultError) -> Self {
        let kind = match &error {
            VaultError::NotFound { .. } => io::ErrorKind::NotFound,
            VaultError::Unreadable { .. } => io::ErrorKind::InvalidData,
            VaultError::Refused { .. } => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// The SDK's outer errors say little ("dispatch failure"); the last of the chain says what
/// happened.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last: &(dyn Error + 'static) = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// The error inside an I/O error of our own reader or writer.
pub(crate) fn vault_error(key: &str, error: &io::Error) -> VaultError {
    VaultError::from_io(error)
        .cloned()
        .unwrap_or_else(|| VaultError::Scratch {
            key: key.to_owned(),
            kind: error.kind(),
        })
}
