//! The error that every use-case returns: a name of the contract and a message for people.

use std::error::Error as StdError;

use serde::{Deserialize, Serialize};
use trips::named_enum;

named_enum! {
    /// The `errorType` names of docs/CONTRACT.md, "Events and errors": what the state machine
    /// matches on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    pub enum ErrorName {
        /// The event or the command line asks for something that makes no sense.
        InvalidInput => "InvalidInput",
        /// A setting is missing or malformed; the message names its key.
        ConfigInvalid => "ConfigInvalid",
        /// The provider has not published the hour yet.
        ProviderNotReady => "ProviderNotReady",
        /// The provider asks the client to slow down (429).
        ProviderThrottled => "ProviderThrottled",
        /// The provider cannot be reached or returns a server error.
        ProviderUnavailable => "ProviderUnavailable",
        /// The provider refuses the request (login, version, parameters).
        ProviderRejected => "ProviderRejected",
        /// The provider's response does not follow MDS.
        ProviderMalformed => "ProviderMalformed",
        /// The provider's response lacks too many of the loaded trips to be believed.
        ProviderLostTrips => "ProviderLostTrips",
        /// The object that the step reads is not in the bucket.
        ArchiveMissing => "ArchiveMissing",
        /// The object that the step reads cannot be decrypted or parsed.
        ArchiveUnreadable => "ArchiveUnreadable",
        /// The bucket cannot be reached.
        StorageUnavailable => "StorageUnavailable",
        /// Postgres cannot be reached, or it ended a transaction.
        DatabaseUnavailable => "DatabaseUnavailable",
        /// The portal asks the client to slow down (429).
        SocrataThrottled => "SocrataThrottled",
        /// The portal cannot be reached or returns a server error.
        SocrataUnavailable => "SocrataUnavailable",
        /// The portal refuses the request or some of its rows.
        SocrataRejected => "SocrataRejected",
        /// Another run works on the same block, or uploads to the same dataset.
        BlockBusy => "BlockBusy",
        /// Some blocks of the run failed.
        RunHadFailures => "RunHadFailures",
        /// A defect of this program, such as a panic of one of its threads.
        Internal => "Internal",
    }
}

impl ErrorName {
    /// Whether the error can pass by waiting, so that a retry makes sense.
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

/// Something that every block needs, whichever its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dependency {
    /// Postgres.
    Database,
    /// The bucket.
    Bucket,
    /// The portal. Without it the other steps go on.
    Portal,
    /// A setting, or a file that a setting names.
    Configuration,
}

/// Why a step failed: one of the fixed names, and a sentence for the person who reads the log.
///
/// The error crosses process boundaries (as a Lambda function's error, as a row of
/// `api.run_blocks`), so its message includes the causes and it has no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PipelineError {
    /// The name that the state machine matches on.
    pub name: ErrorName,
    /// What happened and, where one is known, the way out. Contains no secret and no trip.
    pub message: String,
    /// Whether the step was kept from starting, so that it changes nothing.
    pub(crate) before_start: bool,
    /// Whether the database's tables are older than this program.
    not_migrated: bool,
    /// What refuses every request, whichever the block.
    refused_by: Option<Dependency>,
}

impl PipelineError {
    /// Creates an error without a cause.
    #[must_use]
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
            before_start: false,
            not_migrated: false,
            refused_by: None,
        }
    }

    /// The same error, of tables that are older than this program.
    pub(crate) fn not_migrated(self) -> Self {
        Self {
            not_migrated: true,
            ..self
        }
    }

    /// Whether the database's tables are older than this program. A deployment waits, since
    /// somebody is migrating them; at the command line it is for the caller to do so.
    #[must_use]
    pub fn is_not_migrated(&self) -> bool {
        self.not_migrated
    }

    /// The same error, of something that refuses every request, whichever the block.
    pub(crate) fn refused_by(self, dependency: Dependency) -> Self {
        Self {
            refused_by: Some(dependency),
            ..self
        }
    }

    /// What refuses every request, whichever the block; `None` if the error may be of this block
    /// alone.
    pub(crate) fn refusing(&self) -> Option<Dependency> {
        self.refused_by
    }

    /// The same error, of a step that it kept from starting.
    pub(crate) fn before_start(self) -> Self {
        Self {
            before_start: true,
            ..self
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
        Self::new(name, message)
    }

    /// A panic in `what`, which is a defect of this program. The panic's own message may quote a
    /// trip, so it is left out.
    pub(crate) fn panicked(what: &str) -> Self {
        Self::new(
            ErrorName::Internal,
            format!(
                "{what} panicked: this is a defect of mds-etl, and standard error has the place"
            ),
        )
    }
}

/// Serializes one of our own values to JSON.
///
/// # Errors
///
/// `Internal`: such a value always has a JSON form.
pub fn to_json(value: &impl Serialize) -> Result<serde_json::Value, PipelineError> {
    serde_json::to_value(value).map_err(|e| {
        PipelineError::new(
            ErrorName::Internal,
            format!("a value of mds-etl has no JSON form: {e}"),
        )
    })
}
