//! Which exit status an error ends with.

use std::process::ExitCode;

use pipeline::{ErrorName, PipelineError};

/// Some block failed, or something outside could not be reached.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage or configuration.
const USAGE: u8 = 2;

/// An error of the person who typed the command: ends with status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    UsageError(message.into()).into()
}

pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    let is_usage = error.chain().any(|cause| {
        cause.is::<UsageError>()
            || cause.downcast_ref::<config::ConfigError>().is_some_and(|e| !e.is_transient())
            || cause.downcast_ref::<PipelineError>().is_some_and(|e| {
                matches!(e.name, ErrorName::InvalidInput | ErrorName::ConfigInvalid)
            })
    });
    ExitCode::from(if is_usage { USAGE } else { FAILED })
}
