//! The bucket: its name, where it is, and what its errors mean.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::{VaultError, root_cause};

/// A bucket's name and the server that has it, so that an error can name both.
#[derive(Clone)]
pub(crate) struct Bucket {
    name: Arc<str>,
    host: Option<Arc<str>>,
}

impl Bucket {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name: name.into(),
            host: None,
        }
    }

    pub(crate) fn at(self, host: &str) -> Self {
        Self {
            host: Some(host.into()),
            ..self
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn not_found(&self, key: &str) -> VaultError {
        VaultError::NotFound {
            key: key.to_owned(),
            bucket: self.name().to_owned(),
        }
    }

    /// What an error of a request for `key` means.
    pub(crate) fn error<E>(&self, key: &str, error: SdkError<E, HttpResponse>) -> VaultError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let status = error
            .raw_response()
            .map_or(0, |response| response.status().as_u16());
        let code = error.code().unwrap_or_default();
        match (status, code) {
            (_, "NoSuchKey" | "NoSuchVersion") => self.not_found(key),
            // The response to a HEAD has no body, so its 404 has no code.
            (404, "" | "NotFound") => self.not_found(key),
            (_, "NoSuchBucket") => VaultError::NoBucket {
                bucket: self.name().to_owned(),
                host: self.shown_host(),
            },
            (412, _) | (409, "ConditionalRequestConflict") => VaultError::Changed {
                key: key.to_owned(),
            },
            (408 | 429, _) => VaultError::unavailable(key, error),
            (300..=499, _) => VaultError::Refused {
                key: key.to_owned(),
                bucket: self.name().to_owned(),
                code: if code.is_empty() {
                    format!("HTTP {status}")
                } else {
                    code.to_owned()
                },
                message: error.message().unwrap_or("no explanation").to_owned(),
            },
            (0, _) => self.no_response(key, error),
            _ => VaultError::unavailable(key, error),
        }
    }

    /// The request was not sent, or there is no response to it.
    fn no_response(&self, key: &str, error: impl Error + Send + Sync + 'static) -> VaultError {
        if let Some(cause) = credentials_error(&error) {
            return VaultError::NoCredentials {
                is_transient: matches!(cause, CredentialsError::ProviderTimedOut(_)),
            };
        }
        let message = match &self.host {
            Some(host) => format!("{host}: {}", root_cause(&error)),
            None => root_cause(&error),
        };
        VaultError::Unavailable {
            key: key.to_owned(),
            message,
            cause: Arc::new(error),
        }
    }

    fn shown_host(&self) -> String {
        self.host.as_deref().unwrap_or("S3").to_owned()
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The SDK looks for credentials before it sends a request.
fn credentials_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    let mut causes = std::iter::successors(Some(error), |cause| (*cause).source());
    causes.find_map(|cause| cause.downcast_ref::<CredentialsError>())
}
