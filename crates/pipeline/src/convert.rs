//! Maps the errors of the crates below to an [`ErrorName`].

use std::io;

use config::ConfigError;
use mds_client::MdsError;
use socrata::SocrataError;
use store::StoreError;
use trips::block::ProviderNameError;
use trips::envelope::EnvelopeError;
use trips::time::TimeError;
use vault::VaultError;

use crate::error::{Dependency, ErrorName, PipelineError};

impl From<TimeError> for PipelineError {
    fn from(error: TimeError) -> Self {
        Self::caused(ErrorName::InvalidInput, &error)
    }
}

impl From<ProviderNameError> for PipelineError {
    fn from(error: ProviderNameError) -> Self {
        Self::caused(ErrorName::InvalidInput, &error)
    }
}

impl From<&ConfigError> for ErrorName {
    fn from(error: &ConfigError) -> Self {
        if error.is_transient() {
            Self::StorageUnavailable
        } else {
            Self::ConfigInvalid
        }
    }
}

impl From<ConfigError> for PipelineError {
    fn from(error: ConfigError) -> Self {
        let name = ErrorName::from(&error);
        let is_superseded = matches!(error, ConfigError::Superseded { .. });
        let error = Self::caused(name, &error);
        if is_superseded {
            error.before_start()
        } else {
            error
        }
    }
}

impl From<&VaultError> for ErrorName {
    fn from(error: &VaultError) -> Self {
        match error {
            VaultError::NotFound { .. } => Self::ArchiveMissing,
            VaultError::Unreadable { .. } => Self::ArchiveUnreadable,
            VaultError::Refused { .. } | VaultError::NoBucket { .. } => Self::ConfigInvalid,
            VaultError::NoCredentials {
                is_transient: false,
            } => Self::ConfigInvalid,
            VaultError::Keys(_) if !error.is_transient() => Self::ConfigInvalid,
            // Somebody else works on the block, or encrypts its objects again.
            VaultError::Changed { .. } => Self::BlockBusy,
            _ => Self::StorageUnavailable,
        }
    }
}

impl From<VaultError> for PipelineError {
    fn from(error: VaultError) -> Self {
        let caused = Self::caused(ErrorName::from(&error), &error);
        if matches!(error, VaultError::Refused { .. }) {
            caused.refused_by(Dependency::Bucket)
        } else {
            caused
        }
    }
}

impl From<StoreError> for PipelineError {
    fn from(error: StoreError) -> Self {
        let name = match &error {
            StoreError::Busy { .. } => ErrorName::BlockBusy,
            StoreError::InvalidUrl { .. }
            | StoreError::Authorities { .. }
            | StoreError::LoginSecret { .. }
            | StoreError::ReadOnly
            | StoreError::SharedSession
            | StoreError::NoCertificates
            | StoreError::Tls { .. }
            | StoreError::Refused(_)
            | StoreError::RefusedOwner(_)
            | StoreError::LacksRight(_)
            | StoreError::MayNotMigrate(_)
            | StoreError::CannotTakeOver { .. }
            | StoreError::UnknownZone { .. }
            | StoreError::OtherZone { .. }
            | StoreError::History { .. } => ErrorName::ConfigInvalid,
            StoreError::UnknownProvider { .. } | StoreError::UnknownBlock { .. } => {
                ErrorName::InvalidInput
            }
            StoreError::Unavailable(_) | StoreError::NotMigrated(_) => {
                ErrorName::DatabaseUnavailable
            }
            // It would come again: a violated check, a value that does not fit, a corrupt row.
            StoreError::Database(_)
            | StoreError::CountMismatch { .. }
            | StoreError::UnknownDevice
            | StoreError::OddProvider { .. }
            | StoreError::Corrupt { .. } => ErrorName::Internal,
        };
        let caused = Self::caused(name, &error);
        match (&error, name) {
            (StoreError::NotMigrated(_), _) => caused.not_migrated(),
            // A login or a role that every block has.
            (_, ErrorName::ConfigInvalid) => caused.refused_by(Dependency::Database),
            _ => caused,
        }
    }
}

impl From<MdsError> for PipelineError {
    fn from(error: MdsError) -> Self {
        if let MdsError::Sink { source, .. } = &error {
            return Self::from_io("the archive", source);
        }
        let is_without_turn = matches!(error, MdsError::NoTurn { .. });
        let error = match error {
            MdsError::Pace { provider, source } => match source.downcast::<StoreError>() {
                Ok(below) => return (*below).into(),
                Err(source) => MdsError::Pace { provider, source },
            },
            other => other,
        };
        let name = match &error {
            MdsError::Config { .. } => ErrorName::ConfigInvalid,
            MdsError::Throttled { .. } | MdsError::NoTurn { .. } => ErrorName::ProviderThrottled,
            MdsError::Unavailable { .. } => ErrorName::ProviderUnavailable,
            MdsError::Rejected { .. } => ErrorName::ProviderRejected,
            MdsError::Malformed { .. } => ErrorName::ProviderMalformed,
            MdsError::Sink { .. } => ErrorName::StorageUnavailable,
            MdsError::Pace { .. } => ErrorName::DatabaseUnavailable,
        };
        let error = Self::caused(name, &error);
        if is_without_turn {
            error.before_start()
        } else {
            error
        }
    }
}

impl From<SocrataError> for PipelineError {
    fn from(error: SocrataError) -> Self {
        let name = match &error {
            SocrataError::Config { .. } => ErrorName::ConfigInvalid,
            SocrataError::Throttled { .. } => ErrorName::SocrataThrottled,
            SocrataError::Unavailable { .. } => ErrorName::SocrataUnavailable,
            SocrataError::Rejected { .. } => ErrorName::SocrataRejected,
            // The turn to write is a lock of the database.
            SocrataError::NotSent { .. } => ErrorName::DatabaseUnavailable,
        };
        let caused = Self::caused(name, &error);
        if error.refuses_every_request() {
            caused.refused_by(Dependency::Portal)
        } else {
            caused
        }
    }
}

impl PipelineError {
    /// Maps an error of reading or writing an object.
    pub(crate) fn from_io(what: &str, error: &io::Error) -> Self {
        match VaultError::from_io(error) {
            Some(below) => below.clone().into(),
            None => Self::new(ErrorName::StorageUnavailable, format!("{what}: {error}")),
        }
    }

    /// Maps an error of reading the trips of an object.
    pub(crate) fn from_envelope(what: &str, error: &EnvelopeError) -> Self {
        match error {
            EnvelopeError::Read(source) | EnvelopeError::Sink(source) => {
                Self::from_io(what, source)
            }
            _ => Self::new(ErrorName::ArchiveUnreadable, format!("{what}: {error}")),
        }
    }
}
