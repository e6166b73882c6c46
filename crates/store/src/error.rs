//! What can go wrong, told without a word of what the rows hold.

use std::fmt;
use std::path::PathBuf;

use trips::block::ProviderName;
use uuid::Uuid;

mod failure;

pub use failure::DatabaseFailure;
pub(crate) use failure::{classify, connecting, failed};

/// Why the store could not do what it was asked for.
///
/// Neither `Display` nor `Debug` shows a password or the content of a row: Postgres puts both
/// values and keys into its messages and details, so of its errors only the SQLSTATE and the names
/// of table, column and constraint are kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The connection URL is none.
    #[error(
        "DATABASE_URL is no Postgres connection URL ({why}); write postgresql://user:password@host:5432/database"
    )]
    InvalidUrl {
        /// Which part, without its value.
        why: String,
    },
    /// The file of certificate authorities can't be used.
    #[error(
        "certificates to trust for the database, {path}: {why}; give a PEM file such as RDS's global-bundle.pem"
    )]
    CaBundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The machine trusts no certificate authority, and none were given.
    #[error(
        "this machine has no certificates to trust for the database's TLS; give a CA bundle file"
    )]
    NoCertificates,
    /// TLS can't be set up.
    #[error("TLS to the database can't be set up: {why}")]
    Tls {
        /// The TLS library's reason.
        why: String,
    },
    /// Somebody else is at it; it passes.
    #[error("{what}; try again in a while")]
    Busy {
        /// What is in use.
        what: Busy,
    },
    /// The database is away or gave up a transaction; a retry can help.
    #[error("the database is not available: {0}")]
    Unavailable(Box<DatabaseFailure>),
    /// The database does not let us in, or not do this.
    #[error(
        "the database refuses: {0}; check user, password, database name, rights and TLS in DATABASE_URL"
    )]
    Refused(Box<DatabaseFailure>),
    /// Tables are missing or older than this program.
    #[error("the database's tables are not those of this version: {0}; run `mds migrate`")]
    NotMigrated(Box<DatabaseFailure>),
    /// Any other error of the database.
    #[error("{0}")]
    Database(Box<DatabaseFailure>),
    /// The database's history of migrations is not the beginning of this program's.
    #[error("migrations: {why}; use the version of the program that wrote them, or a newer one")]
    History {
        /// Which migration, and how it differs.
        why: String,
    },
    /// A provider that the database has never heard of.
    #[error("provider {provider} is not in api.providers; plan its blocks first")]
    UnknownProvider {
        /// Its name.
        provider: ProviderName,
    },
    /// A block that is not in the schedule.
    #[error("schedule_id {schedule_id} is not in api.schedule; plan the block first")]
    UnknownBlock {
        /// The id asked for.
        schedule_id: i64,
    },
    /// The caller's counts and the rows that arrived do not agree: nothing was loaded.
    #[error(
        "{fetched} trips fetched and {rejected} rejected, but {copied} rows copied; nothing was loaded"
    )]
    CountMismatch {
        /// Trips that the caller read.
        fetched: u64,
        /// Trips that the caller refused.
        rejected: u64,
        /// Rows that reached the database.
        copied: u64,
    },
    /// A stored value that this program would not have stored.
    #[error("{what} holds a value that makes no sense here; correct the row")]
    Corrupt {
        /// Table and column.
        what: &'static str,
    },
}

impl StoreError {
    /// Whether the same call may succeed in a while.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unavailable(_))
    }

    pub(crate) fn unavailable(doing: &'static str, what: impl Into<String>) -> Self {
        Self::Unavailable(Box::new(DatabaseFailure::untold(doing, what.into())))
    }
}

/// What is in use by somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Busy {
    /// A block is being worked on.
    Block {
        /// Its row in the schedule.
        schedule_id: i64,
    },
    /// A dataset of the portal is being written to.
    Dataset {
        /// The dataset's id.
        dataset: String,
    },
    /// A provider is being asked for its vehicles.
    Vehicles {
        /// The provider's id in MDS.
        provider: Uuid,
    },
    /// Rows or tables.
    Rows,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block { schedule_id } => write!(
                f,
                "the block with schedule_id {schedule_id} is being worked on by another run"
            ),
            Self::Vehicles { provider } => {
                write!(
                    f,
                    "another run asks the provider {provider} for its vehicles"
                )
            }
            Self::Dataset { dataset } => {
                write!(f, "dataset {dataset} is being written to by another upload")
            }
            Self::Rows => f.write_str("another session holds rows or tables that this one changes"),
        }
    }
}
