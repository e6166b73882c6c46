//! Reports errors, and maps them to exit statuses.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::ExitCode;

use config::ConfigError;
use pipeline::{ErrorName, PipelineError};
use serde_json::json;
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

/// A file or folder that cannot be written. A place that cannot be is wrong usage; a full disk is a
/// failure.
pub(crate) fn not_written(path: &Path, error: &io::Error) -> anyhow::Error {
    let message = format!("{} cannot be written: {error}", path.display());
    match error.kind() {
        ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::PermissionDenied => usage(message),
        _ => anyhow::Error::msg(message),
    }
}

/// Writes an error to standard error: in words or, with `--json`, as a JSON object on a line.
pub(crate) fn report(error: &anyhow::Error, json: bool) {
    if json {
        note!("{}", document(name(error), &format!("{error:#}")));
    } else {
        note!("mds: {error:#}");
    }
}

/// Ends the process for a command line that clap refuses, or that asks for help.
pub(crate) fn refuse(error: &clap::Error) -> ! {
    let is_json = std::env::args_os().any(|argument| argument == OsStr::new("--json"));
    if is_json && error.use_stderr() {
        let text = error.render().to_string();
        // What follows is the usage and a pointer to the help.
        let message = text.split("\n\nUsage:").next().unwrap_or_default();
        let message = message.trim().trim_start_matches("error: ");
        note!("{}", document(ErrorName::InvalidInput, message));
        std::process::exit(USAGE.into());
    }
    error.exit()
}

fn document(name: ErrorName, message: &str) -> serde_json::Value {
    json!({ "error": { "name": name.as_str(), "message": message } })
}

/// The name of the contract for an error of a command.
fn name(error: &anyhow::Error) -> ErrorName {
    let named = |cause: &(dyn std::error::Error + 'static)| {
        if let Some(error) = cause.downcast_ref::<PipelineError>() {
            return Some(error.name);
        }
        if let Some(error) = cause.downcast_ref::<VaultError>() {
            return Some(error.into());
        }
        if let Some(error) = cause.downcast_ref::<ConfigError>() {
            return Some(error.into());
        }
        cause.is::<UsageError>().then_some(ErrorName::InvalidInput)
    };
    error.chain().find_map(named).unwrap_or(ErrorName::Internal)
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
        VaultError::NotFound { .. }
            | VaultError::Unreadable { .. }
            | VaultError::Refused { .. }
            | VaultError::NoBucket { .. }
            | VaultError::NoCredentials { .. }
    )
}
