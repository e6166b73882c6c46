//! [`StoreError`], whose text never contains the content of a row, a provider's name aside.

use std::fmt;

use trips::block::{ProviderName, ProviderNameError};
use uuid::Uuid;

use crate::takeover::Obstacle;

mod failure;

pub use failure::DatabaseFailure;
pub(crate) use failure::{classify, classify_connect, failed, failed_to_change};

/// Why an operation of the store failed.
///
/// Neither `Display` nor `Debug` shows a password or the content of a row, a provider's name aside.
/// Postgres puts values and keys into its messages and details, so an error keeps only the SQLSTATE
/// and the names of table, column and constraint.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The connection URL is not valid.
    #[error(
        "{setting} is not a Postgres connection URL ({why}); write postgresql://user:password@host:5432/database"
    )]
    InvalidUrl {
        /// The setting that holds it.
        setting: &'static str,
        /// Which part is wrong, without its value.
        why: String,
    },
    /// The certificate authorities to trust can't be used.
    #[error(
        "certificates to trust for the database, {source_name}: {why}; give the authorities in PEM, as in RDS's \
         global-bundle.pem"
    )]
    Authorities {
        /// The setting, object or file that they come from.
        source_name: String,
        /// What is wrong with them.
        why: String,
    },
    /// The machine trusts no certificate authority, and none were given.
    #[error(
        "this machine has no certificates to trust for the database's TLS; give the authorities in DATABASE_CA"
    )]
    NoCertificates,
    /// TLS can't be set up.
    #[error("TLS to the database can't be set up: {why}")]
    Tls {
        /// The TLS library's reason.
        why: String,
    },
    /// Another session is using it. A later call can succeed.
    #[error("{what}; try again in a while")]
    Busy {
        /// What is in use.
        what: Busy,
    },
    /// The database can't be reached or aborted a transaction. A later call can succeed.
    #[error("the database is not available: {0}")]
    Unavailable(Box<DatabaseFailure>),
    /// The database refuses the login.
    #[error(
        "the database refuses: {0}; check user, password, database name and TLS in DATABASE_URL or DATABASE_SECRET"
    )]
    Refused(Box<DatabaseFailure>),
    /// The database refuses the login for migrations.
    #[error(
        "the database refuses: {0}; check user, password, database name and TLS in MIGRATION_DATABASE_URL or \
         MIGRATION_DATABASE_SECRET"
    )]
    RefusedOwner(Box<DatabaseFailure>),
    /// The login lacks a right.
    #[error(
        "the database refuses: {0}; the login of DATABASE_URL or DATABASE_SECRET lacks this right: apply \
         infra/grants.sql as the owner of the tables; `mds doctor` names every right that is missing"
    )]
    LacksRight(Box<DatabaseFailure>),
    /// The login may not change the tables.
    #[error(
        "the database refuses: {0}; only the owner of the tables may change them: give the owner's login in \
         MIGRATION_DATABASE_URL or MIGRATION_DATABASE_SECRET"
    )]
    MayNotMigrate(Box<DatabaseFailure>),
    /// The database refuses the login of a secret, and the secret can't be read again.
    #[error("the database refuses the login, and its secret cannot be read again: {why}")]
    LoginSecret {
        /// Why not, with the setting that names the secret.
        why: String,
    },
    /// A setting of the role, the database or the server makes every transaction read-only.
    #[error(
        "every transaction of the database is read-only, because default_transaction_read_only is on for its role, \
         database or server; set it off there (ALTER ROLE … SET default_transaction_read_only = off) or use another \
         role. If the host of the database has set it because the disk is full, enlarge the disk"
    )]
    ReadOnly,
    /// Connections share their sessions with others.
    #[error(
        "DATABASE_URL leads to a pooler in transaction mode, where the locks on blocks do not hold; \
         connect to the database itself, or to a pooler in session mode"
    )]
    SharedSession,
    /// Tables are missing or older than this program.
    #[error("the database's tables are not those of this version: {0}; run `mds migrate`")]
    NotMigrated(Box<DatabaseFailure>),
    /// Any other error of the database.
    #[error("{0}")]
    Database(Box<DatabaseFailure>),
    /// The database's migrations are not the first ones of this program's.
    #[error("migrations: {why}; use the version of the program that wrote them, or a newer one")]
    History {
        /// Which migration, and how it differs.
        why: String,
    },
    /// Tables of another tool have rows or columns that cannot be taken over.
    #[error(
        "the tables cannot be taken over as they are, and nothing was changed:{}",
        listed(obstacles)
    )]
    CannotTakeOver {
        /// What is in the way, with the statements that remove it.
        obstacles: Vec<Obstacle>,
    },
    /// The blocks of the database are hours of another zone.
    #[error(
        "TIME_ZONE is {given}, and the hours of this database were archived under {known}, whose civil hours name their \
         folders: put {known} back. If {known} was a mistake, take a new database. If an older tool wrote the archives under \
         {given}, the bucket is right: keep it; otherwise take a new bucket, too"
    )]
    OtherZone {
        /// The zone of the configuration.
        given: String,
        /// The zone of the hours that are archived.
        known: String,
    },
    /// The database does not know a time zone.
    #[error(
        "{zone} is not a time zone that the database knows; give a name such as UTC or US/Central"
    )]
    UnknownZone {
        /// Its name.
        zone: String,
    },
    /// The provider is not in `api.providers`.
    #[error("provider {provider} is not in api.providers; plan its blocks first")]
    UnknownProvider {
        /// Its name.
        provider: ProviderName,
    },
    /// The block is not in `api.schedule`.
    #[error(
        "schedule_id {schedule_id} is not in api.schedule: `mds schedule forget` has removed the block since it was \
         planned, or this is another database; plan its hour again"
    )]
    UnknownBlock {
        /// The requested id.
        schedule_id: i64,
    },
    /// The caller's counts and the number of copied rows do not agree, so nothing was loaded.
    #[error(
        "{fetched} trips fetched and {rejected} rejected, but {copied} rows copied; nothing was loaded"
    )]
    CountMismatch {
        /// Number of trips that the caller read.
        fetched: u64,
        /// Number of trips that the caller rejected.
        rejected: u64,
        /// Number of rows that reached the database.
        copied: u64,
    },
    /// A trip's device has no public id, as in tables that another program has written, or it is
    /// none of those whose ids a load knows.
    #[error(
        "the device of a trip is not in api.devices, where the step adds it: another program has deleted the row; run \
         the step again"
    )]
    UnknownDevice,
    /// A row of `api.providers` has a name that no provider can have.
    #[error("api.providers: {why}; {remedy}")]
    OddProvider {
        /// The name, and the rule that it breaks.
        why: ProviderNameError,
        /// What to do.
        remedy: String,
    },
    /// A column holds a value that this program never writes.
    #[error("{what} holds a value that this program does not know; correct the row")]
    Corrupt {
        /// Table and column.
        what: &'static str,
    },
}

fn listed(obstacles: &[Obstacle]) -> String {
    obstacles.iter().map(|it| format!("\n- {it}")).collect()
}

impl StoreError {
    /// True if the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unavailable(_))
    }

    pub(crate) fn not_migrated(doing: &'static str, what: impl Into<String>) -> Self {
        Self::NotMigrated(Box::new(DatabaseFailure::without_sqlstate(
            doing,
            what.into(),
        )))
    }

    /// The same error, of a migration: it needs another login than the steps.
    pub(crate) fn of_migration(self) -> Self {
        match self {
            Self::LacksRight(failure) => Self::MayNotMigrate(failure),
            other => other,
        }
    }

    /// Names the setting that holds the URL.
    pub(crate) fn of_setting(self, setting: &'static str) -> Self {
        match self {
            Self::InvalidUrl { why, .. } => Self::InvalidUrl { setting, why },
            Self::Refused(failure) if setting.starts_with("MIGRATION_") => {
                Self::RefusedOwner(failure)
            }
            other => other,
        }
    }

    pub(crate) fn unavailable(doing: &'static str, what: impl Into<String>) -> Self {
        Self::Unavailable(Box::new(DatabaseFailure::without_sqlstate(
            doing,
            what.into(),
        )))
    }
}

/// What another session is using.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Busy {
    /// Another run works on a block.
    Block {
        /// The id of its row in `api.schedule`.
        schedule_id: i64,
    },
    /// Another upload writes to a dataset of the portal.
    Dataset {
        /// The dataset's id.
        dataset: String,
    },
    /// Another run requests the vehicles of a provider.
    Vehicles {
        /// The provider's MDS id.
        provider: Uuid,
    },
    /// Other requests to a provider take all the slots that it has.
    Requests {
        /// The provider.
        provider: ProviderName,
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
                    "another run is requesting the vehicles of provider {provider}"
                )
            }
            Self::Dataset { dataset } => {
                write!(f, "dataset {dataset} is being written to by another upload")
            }
            Self::Requests { provider } => {
                write!(
                    f,
                    "as many requests to provider {provider} are in progress as `max_parallel` of its entry allows, \
                     which may be raised if the provider permits more"
                )
            }
            Self::Rows => {
                f.write_str("another session has locked rows or tables that this one changes")
            }
        }
    }
}
