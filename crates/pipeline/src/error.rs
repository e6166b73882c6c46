//! The names under which a step fails, and how the errors of the crates below turn into them.

use std::error::Error as StdError;

use serde::{Deserialize, Serialize};
use trips::named_enum;

named_enum! {
    /// The `errorType` names of docs/CONTRACT.md, "Events and errors": what the state machine matches
    /// on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    pub enum ErrorName {
        /// The event or the command line asks for something that makes no sense.
        InvalidInput => "InvalidInput",
        /// A setting is missing or malformed; the message names its key.
        ConfigInvalid => "ConfigInvalid",
        /// The provider has not published the hour yet.
        ProviderNotReady => "ProviderNotReady",
        /// The provider asks to slow down (429).
        ProviderThrottled => "ProviderThrottled",
        /// The provider cannot be reached or answers with a server error.
        ProviderUnavailable => "ProviderUnavailable",
        /// The provider refuses the request (login, version, parameters).
        ProviderRejected => "ProviderRejected",
        /// The provider's answer is not what MDS says an answer is.
        ProviderMalformed => "ProviderMalformed",
        /// The object that the step reads is not in the bucket.
        ArchiveMissing => "ArchiveMissing",
        /// The object that the step reads cannot be decrypted or parsed.
        ArchiveUnreadable => "ArchiveUnreadable",
        /// The bucket cannot be reached.
        StorageUnavailable => "StorageUnavailable",
        /// Postgres cannot be reached or gave up on a transaction.
        DatabaseUnavailable => "DatabaseUnavailable",
        /// The portal asks to slow down (429).
        SocrataThrottled => "SocrataThrottled",
        /// The portal cannot be reached or answers with a server error.
        SocrataUnavailable => "SocrataUnavailable",
        /// The portal refuses the request or some of its rows.
        SocrataRejected => "SocrataRejected",
        /// Another run works on the same block, or uploads to the same dataset.
        BlockBusy => "BlockBusy",
        /// Some block of the run failed.
        RunHadFailures => "RunHadFailures",
    }
}

impl ErrorName {
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
