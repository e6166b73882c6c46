//! Which exit status an error ends with.

use std::process::ExitCode;

use config::ConfigError;
use pipeline::{ErrorName, PipelineError};
use vault::VaultError;

/// Some block failed, or something outside could not be reached.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage or configuration.
pub(crate) const USAGE: u8 = 2;

/// An error of the person who typed the command: ends with status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    UsageError(message.into()).into()
}

pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    // Only as the error itself: below a step's error it is an archive's, and the block has failed.
    let is_usage = error
        .downcast_ref::<VaultError>()
        .is_some_and(is_wrong_name_or_key)
        || error.chain().any(|cause| {
            cause.is::<UsageError>()
                || cause
                    .downcast_ref::<ConfigError>()
                    .is_some_and(|e| !e.is_transient())
                || cause.downcast_ref::<PipelineError>().is_some_and(|e| {
                    matches!(e.name, ErrorName::InvalidInput | ErrorName::ConfigInvalid)
                })
        });
    ExitCode::from(if is_usage { USAGE } else { FAILED })
}

/// Whether the bucket, the object or the Fernet key is not the right one.
fn is_wrong_name_or_key(error: &VaultError) -> bool {
    matches!(
        error,
        VaultError::NotFound { .. } | VaultError::Unreadable { .. } | VaultError::Refused { .. }
    )
}
