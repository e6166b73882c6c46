//! The names under which a step fails, and how the errors of the crates below turn into them.

use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The `errorType` names of docs/CONTRACT.md, "Events and errors": what the state machine matches
/// on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ErrorName {
    /// The event or the command line asks for something that makes no sense.
    InvalidInput,
    /// A setting is missing or malformed; the message names its key.
    ConfigInvalid,
    /// The provider has not published the hour yet.
    ProviderNotReady,
    /// The provider asks to slow down (429).
    ProviderThrottled,
    /// The provider cannot be reached or answers with a server error.
    ProviderUnavailable,
    /// The provider refuses the request (login, version, parameters).
    ProviderRejected,
    /// The provider's answer is not what MDS says an answer is.
    ProviderMalformed,
    /// The object that the step reads is not in the bucket.
    ArchiveMissing,
    /// The object that the step reads cannot be decrypted or parsed.
    ArchiveUnreadable,
    /// The bucket cannot be reached.
    StorageUnavailable,
    /// Postgres cannot be reached or gave up on a transaction.
    DatabaseUnavailable,
    /// The portal asks to slow down (429).
    SocrataThrottled,
    /// The portal cannot be reached or answers with a server error.
    SocrataUnavailable,
    /// The portal refuses the request or some of its rows.
    SocrataRejected,
    /// Another run works on the same block, or uploads to the same dataset.
    BlockBusy,
    /// Some block of the run failed.
    RunHadFailures,
}

impl ErrorName {
    /// Every name, in the order of docs/CONTRACT.md.
    pub const ALL: [Self; 16] = [
        Self::InvalidInput,
        Self::ConfigInvalid,
        Self::ProviderNotReady,
        Self::ProviderThrottled,
        Self::ProviderUnavailable,
        Self::ProviderRejected,
        Self::ProviderMalformed,
        Self::ArchiveMissing,
        Self::ArchiveUnreadable,
        Self::StorageUnavailable,
        Self::DatabaseUnavailable,
        Self::SocrataThrottled,
        Self::SocrataUnavailable,
        Self::SocrataRejected,
        Self::BlockBusy,
        Self::RunHadFailures,
    ];

    /// The name as it stands in `errorType`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "InvalidInput",
            Self::ConfigInvalid => "ConfigInvalid",
            Self::ProviderNotReady => "ProviderNotReady",
            Self::ProviderThrottled => "ProviderThrottled",
            Self::ProviderUnavailable => "ProviderUnavailable",
            Self::ProviderRejected => "ProviderRejected",
            Self::ProviderMalformed => "ProviderMalformed",
            Self::ArchiveMissing => "ArchiveMissing",
            Self::ArchiveUnreadable => "ArchiveUnreadable",
            Self::StorageUnavailable => "StorageUnavailable",
            Self::DatabaseUnavailable => "DatabaseUnavailable",
            Self::SocrataThrottled => "SocrataThrottled",
            Self::SocrataUnavailable => "SocrataUnavailable",
            Self::SocrataRejected => "SocrataRejected",
            Self::BlockBusy => "BlockBusy",
            Self::RunHadFailures => "RunHadFailures",
        }
    }

    /// Whether waiting can make it pass, so that a retry makes sense.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::ProviderNotReady
                | Self::ProviderThrottled
                | Self::ProviderUnavailable
                | Self::StorageUnavailable
                | Self::DatabaseUnavailable
                | Self::SocrataThrottled
                | Self::SocrataUnavailable
                | Self::BlockBusy
        )
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a step failed: one of the fixed names, and a sentence for the person who reads the log.
///
/// It crosses the borders of processes (a Lambda's error, a row of `api.run_blocks`), so what lies
/// below it is told in the message and not kept as a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PipelineError {
    /// The name that the state machine matches on.
    pub name: ErrorName,
    /// What happened and, where one is known, the way out. Holds no secret and no trip.
    pub message: String,
}

impl PipelineError {
    /// An error that starts here.
    #[must_use]
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
        }
    }

    pub(crate) fn caused(name: ErrorName, cause: &dyn StdError) -> Self {
        let mut message = cause.to_string();
        let mut below = cause.source();
        while let Some(error) = below {
            let text = error.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            below = error.source();
        }
        Self { name, message }
    }

    /// A thread of ours ended before its work was done: a defect of this program, retried like a
    /// lost connection.
    pub(crate) fn interrupted(what: &str) -> Self {
        Self::new(
            ErrorName::StorageUnavailable,
            format!("{what} ended before its work was done"),
        )
    }
}
