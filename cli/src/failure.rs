//! Maps errors to exit statuses.

use std::process::ExitCode;

use config::ConfigError;
use pipeline::{ErrorName, PipelineError};
use vault::VaultError;

/// A block failed, or an external service could not be reached.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage or configuration.
pub(crate) const USAGE: u8 = 2;

/// A mistake in how the command was called: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    UsageError(message.into()).into()
}

pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    // Only as the outermost error: as the cause of a step's error it concerns an archive, and then
    // the block has failed.
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
                        || e.is_not_migrated()
                })
        });
    ExitCode::from(if is_usage { USAGE } else { FAILED })
}

/// Whether the bucket, the object's key or the Fernet key is wrong.
fn is_wrong_name_or_key(error: &VaultError) -> bool {
    matches!(
        error,
        VaultError::NotFound { .. } | VaultError::Unreadable { .. } | VaultError::Refused { .. }
    )
}
