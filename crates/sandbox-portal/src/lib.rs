//! A Socrata portal with one dataset, on loopback.
//!
//! `POST /resource/{4x4}.json` upserts a JSON array of rows by the row identifier and answers the
//! counts as Socrata does; `GET` of the same address answers queries. Uploads need Basic auth with
//! the key's id and secret, an `X-App-Token` and a `Content-Type`; queries need nothing, as on a
//! public dataset, but refuse wrong credentials.
//!
//! One upload at a time: while one is worked on, another gets 409. Rows are kept in memory (about
//! half a kilobyte each), and in a file where one is named.

mod checks;
mod fault;
mod requests;
mod rows;
mod soql;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sandbox_server::Server;
pub use sandbox_server::{ListenError, LoggedRequest, RequestLog};
use serde_json::{Map, Value};

pub use fault::Fault;
use fault::Faults;
use requests::State;
use rows::Rows;

/// How a portal is to be. The default has made-up credentials.
#[derive(Clone, Debug)]
pub struct PortalOptions {
    /// The dataset's id, two groups of four.
    pub dataset: String,
    /// The id of the API key: the user name of Basic auth.
    pub key_id: String,
    /// The secret of the API key: the password of Basic auth.
    pub key_secret: String,
    /// The token expected in `X-App-Token`.
    pub app_token: String,
    /// The column that identifies a row.
    pub row_id: String,
    /// The port on loopback; 0 for any.
    pub port: u16,
    /// Where rows outlive the process: a file of JSON lines.
    pub file: Option<PathBuf>,
    /// How long every upload takes at least, with the dataset locked.
    pub upload_time: Duration,
    /// The most rows that one upload may bring; more are refused with 413.
    pub max_rows: usize,
}

impl Default for PortalOptions {
    fn default() -> Self {
        Self {
            dataset: "abcd-2345".to_owned(),
            key_id: "sandbox-key".to_owned(),
            key_secret: "sandbox-key-secret".to_owned(),
            app_token: "sandbox-app-token".to_owned(),
            row_id: "trip_id".to_owned(),
            port: 0,
            file: None,
            upload_time: Duration::ZERO,
            max_rows: 50_000,
        }
    }
}

/// Why there is no portal.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// No port to listen on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The file of rows can't be used.
    #[error("can't keep the portal's rows in {file}: {source}")]
    File {
        /// The file asked for.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A portal on loopback. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Portal {
    server: Server,
    state: Arc<State>,
    log: Arc<RequestLog>,
}

impl Portal {
    /// Starts a portal on the runtime that calls this.
    ///
    /// # Errors
    ///
    /// [`PortalError`]: the port is taken, or the file can't be used.
    pub async fn start(options: PortalOptions) -> Result<Self, PortalError> {
        let rows = Rows::open(&options.row_id, options.file.as_deref()).map_err(|source| {
            PortalError::File {
                file: options.file.clone().unwrap_or_default(),
                source,
            }
        })?;
        let port = options.port;
        let log = Arc::new(RequestLog::default());
        let state = Arc::new(State {
            options,
            rows: Mutex::new(rows),
            faults: Faults::default(),
            lock: tokio::sync::Mutex::new(()),
            tickets: Mutex::default(),
        });
        let router = requests::router(Arc::clone(&state));
        Ok(Self {
            server: Server::start_routes(port, router, Arc::clone(&log)).await?,
            state,
            log,
        })
    }

    /// What `SOCRATA_DATA_ENDPOINT` is to hold: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The options that it was started with.
    #[must_use]
    pub fn options(&self) -> &PortalOptions {
        &self.state.options
    }

    /// Lets an upload to come go wrong; each fault in turn takes one upload.
    pub fn fail_next(&self, fault: Fault) {
        self.state.faults.push(fault);
    }

    /// Forgets the faults that have not happened yet.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// How many faults have not happened yet.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        self.state.faults.len()
    }

    /// What was asked so far.
    #[must_use]
    pub fn log(&self) -> &RequestLog {
        &self.log
    }

    /// How many rows the dataset has.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.rows_locked(|rows| rows.len())
    }

    /// Every row as it was uploaded, by identifier.
    #[must_use]
    pub fn rows(&self) -> Vec<Map<String, Value>> {
        self.rows_locked(|rows| rows.iter().collect())
    }

    /// The row with this identifier, as it was uploaded.
    #[must_use]
    pub fn row(&self, identifier: &str) -> Option<Map<String, Value>> {
        self.rows_locked(|rows| rows.get(identifier))
    }

    /// Removes a row behind the back of whoever uploaded it; answers whether it was there.
    ///
    /// # Errors
    ///
    /// The file of rows can't be written.
    pub fn lose_row(&self, identifier: &str) -> io::Result<bool> {
        let mut deletion = Map::new();
        deletion.insert(self.state.options.row_id.clone(), Value::from(identifier));
        deletion.insert(":deleted".to_owned(), Value::Bool(true));
        self.rows_locked(|rows| {
            let there = rows.get(identifier).is_some();
            rows.upsert(deletion)?;
            rows.flush()?;
            Ok(there)
        })
    }

    fn rows_locked<T>(&self, with: impl FnOnce(&mut Rows) -> T) -> T {
        with(
            &mut self
                .state
                .rows
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}
