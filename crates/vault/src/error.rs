//! What can go wrong between this program and the bucket.

use std::error::Error;
use std::io;
use std::sync::Arc;

use aws_sdk_s3::error::ErrorMetadata;

use crate::key_ring::ReadKeysError;
use crate::place::Place;

/// Why the content of an object cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The object has no bytes, or only white space.
    #[error("it is empty")]
    Empty,
    /// It is neither JSON, judged by its first byte, nor a Fernet token.
    #[error("it is neither JSON nor a Fernet token")]
    Unknown,
    /// The Fernet token ends where a token cannot end.
    #[error("its Fernet token is cut short")]
    CutShort,
    /// No key authenticates the token, which is well-formed.
    #[error(
        "it was not sealed with one of the {keys} configured keys, or its bytes have changed since \
         (it was read twice); if a key was replaced, add the older one after the first in \
         ATD_MDS_FERNET_KEY"
    )]
    NoKeyFits {
        /// How many keys were tried.
        keys: usize,
    },
    /// It is plain, but has to be sealed.
    #[error(
        "it is not encrypted, and only configuration, boundaries and manifests may be plain; \
         whoever put it there had no key"
    )]
    NotSealed,
    /// It is sealed, but was written for another place.
    #[error(
        "it is another object: it was written as {place}; put back the object that belongs here"
    )]
    Misplaced {
        /// Where it belongs.
        place: Place,
    },
    /// Its content is not what the block's `extract.json` describes.
    #[error(
        "its content is not what extract.json next to it describes; to load it all the same, write \
         it to a file (`mds config get KEY > trips.json` with the object's key), and load that \
         (`mds sync-db --provider NAME --time-max LABEL --file trips.json`)"
    )]
    NotAsDescribed,
    /// It is authentic, but its content does not decrypt or decompress.
    #[error("its content does not decrypt or decompress")]
    Content,
    /// Its content is not JSON of the expected shape. The error holds the place but not the text,
    /// which may be a secret.
    #[error("it is not JSON of the expected shape (line {line}, column {column})")]
    Json {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault, from 1.
        column: usize,
    },
}

/// What can go wrong between this program and the bucket. No variant holds a Fernet key, a
/// credential or any content of an object.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The object does not exist.
    #[error("there is no object {key:?} in the bucket {bucket:?}")]
    NotFound {
        /// The object's key.
        key: String,
        /// The bucket's name.
        bucket: String,
    },
    /// The bucket does not exist.
    #[error(
        "there is no bucket {bucket:?} at {host}: correct ATD_MDS_BUCKET, or create the bucket"
    )]
    NoBucket {
        /// The bucket's name.
        bucket: String,
        /// Where it was looked for.
        host: String,
    },
    /// No request was sent, because there are no credentials to sign it with.
    #[error(
        "there are no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
         AWS_PROFILE to a profile of ~/.aws/config{}", if *is_transient { "; the provider of credentials did not respond in time" } else { "" }
    )]
    NoCredentials {
        /// Whether a later request may find some.
        is_transient: bool,
    },
    /// The object was downloaded whole, but its content cannot be read.
    #[error("object {key:?} cannot be read: {why}")]
    Unreadable {
        /// The object's key.
        key: String,
        /// What is wrong with the object.
        why: Unreadable,
    },
    /// Another writer changed the object after it was read.
    #[error("another writer changed object {key:?} after it was read; read it again")]
    Changed {
        /// The object's key.
        key: String,
    },
    /// The object's upload has begun, so that its key is fixed.
    #[error("the upload of object {key:?} has begun, so that it cannot take another key")]
    Begun {
        /// The object's key.
        key: String,
    },
    /// S3 refused the request. Trying again does not help.
    #[error(
        "S3 refused the request for {key:?} in the bucket {bucket:?} ({code}: {message}); {}",
        advice(code)
    )]
    Refused {
        /// The object's key, or the prefix of a listing.
        key: String,
        /// The bucket's name.
        bucket: String,
        /// S3's name for the error, such as `AccessDenied`.
        code: String,
        /// S3's explanation.
        message: String,
    },
    /// S3 did not respond, or with an error that may pass. The request has been retried.
    #[error("S3 could not be reached or did not respond as expected, for {key:?}: {message}")]
    Unavailable {
        /// The object's key, or the prefix of a listing.
        key: String,
        /// The root cause in one line, with the server if there was no response.
        message: String,
        /// The cause itself. It is no `source`, since the message has what it says to people.
        cause: Arc<dyn Error + Send + Sync>,
    },
    /// The temporary folder or the machine failed.
    #[error("object {key:?} could not be spooled to the temporary folder ({kind}); is there room?")]
    Scratch {
        /// The object's key.
        key: String,
        /// The kind of the I/O error.
        kind: io::ErrorKind,
    },
    /// A value could not be written as JSON.
    #[error("the value for object {key:?} could not be written as JSON")]
    NotJson {
        /// The object's key.
        key: String,
    },
    /// The Fernet keys could not be read again for too long.
    #[error("the Fernet keys are too old to go on with, and cannot be read again: {0}")]
    Keys(#[source] ReadKeysError),
    /// The writer was created outside a tokio runtime, so it cannot upload.
    #[error("object {key:?} can only be written inside a tokio runtime")]
    NoRuntime {
        /// The object's key.
        key: String,
    },
}

impl VaultError {
    /// Returns whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Changed { .. } => true,
            Self::NoCredentials { is_transient } => *is_transient,
            Self::Keys(error) => error.is_transient,
            _ => false,
        }
    }

    /// Returns the `VaultError` inside an I/O error of [`crate::ObjectWriter`] or
    /// [`crate::ObjectReader`], if it holds one.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref::<Self>()
    }

    /// The error of an object whose content cannot be read.
    #[must_use]
    pub fn unreadable(key: &str, why: Unreadable) -> Self {
        Self::Unreadable {
            key: key.to_owned(),
            why,
        }
    }

    pub(crate) fn scratch(key: &str, kind: io::ErrorKind) -> Self {
        Self::Scratch {
            key: key.to_owned(),
            kind,
        }
    }

    pub(crate) fn unavailable(key: &str, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable {
            key: key.to_owned(),
            message: root_cause(&source),
            cause: Arc::new(source),
        }
    }
}

impl From<VaultError> for io::Error {
    fn from(error: VaultError) -> Self {
        let kind = match &error {
            VaultError::NotFound { .. } => io::ErrorKind::NotFound,
            VaultError::Unreadable { .. } => io::ErrorKind::InvalidData,
            VaultError::Refused { .. } | VaultError::NoCredentials { .. } => {
                io::ErrorKind::PermissionDenied
            }
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// What to do about a request that S3 refuses, by its name for the error.
#[must_use]
pub fn advice(code: &str) -> &'static str {
    match code {
        "InvalidAccessKeyId" => "AWS_ACCESS_KEY_ID is not a key of AWS: correct it",
        "SignatureDoesNotMatch" => {
            "the signature is wrong: correct AWS_SECRET_ACCESS_KEY, which belongs to AWS_ACCESS_KEY_ID"
        }
        "ExpiredToken" | "InvalidToken" => {
            "the credentials have expired: sign in again, or renew AWS_SESSION_TOKEN"
        }
        "RequestTimeTooSkewed" => "this machine's clock is wrong: set it",
        "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => {
            "the bucket is in another region: set AWS_REGION to it"
        }
        _ => {
            "check the bucket's name, the region and the role's permissions (without s3:ListBucket a \
             missing object is refused too)"
        }
    }
}

/// Returns the message of the last error in the chain. The outer errors of the AWS SDK say little
/// ("dispatch failure") and may quote a response.
#[must_use]
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    // Its own words are those of a debugger: `Error { code: "SlowDown", … }`.
    let Some(answer) = last.downcast_ref::<ErrorMetadata>() else {
        return last.to_string();
    };
    match (answer.code(), answer.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => "an answer without a reason".to_owned(),
    }
}

/// Returns the error inside an I/O error of [`crate::ObjectReader`] or [`crate::ObjectWriter`].
pub(crate) fn vault_error(key: &str, error: &io::Error) -> VaultError {
    VaultError::from_io(error)
        .cloned()
        .unwrap_or_else(|| VaultError::scratch(key, error.kind()))
}

/// Why an object that is arriving cannot be spooled: because of the object, or of this machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Scratch(#[from] io::Error),
}

#[cfg(test)]
mod tests;
