#![doc = include_str!("../README.md")]

mod checks;
mod columns;
mod fault;
mod metadata;
mod requests;
mod rows;
mod soql;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sandbox_server::Server;
pub use sandbox_server::{ListenError, LoggedRequest, RequestLog};
use serde_json::{Map, Value};

pub use columns::{Column, default_columns};
pub use fault::Fault;
use fault::Faults;
use requests::State;
use rows::Rows;

/// The options of a portal. The defaults have made-up credentials.
#[derive(Clone, Debug)]
pub struct PortalOptions {
    /// The dataset's id: two groups of four characters.
    pub dataset: String,
    /// The id of the API key: the user name of Basic authentication.
    pub key_id: String,
    /// The secret of the API key: the password of Basic authentication.
    pub key_secret: String,
    /// The required value of `X-App-Token`.
    pub app_token: String,
    /// The column that identifies a row.
    pub row_id: String,
    /// Whether the dataset has a row identifier. Without one, every uploaded row is appended.
    pub has_row_identifier: bool,
    /// The columns of the dataset, for its description. The portal keeps other members of a row as
    /// well.
    pub columns: Vec<Column>,
    /// The shortest time that any request takes.
    pub request_time: Duration,
    /// The port on loopback; 0 for any.
    pub port: u16,
    /// A file of JSON lines in which the rows outlive the process.
    pub file: Option<PathBuf>,
    /// The shortest time that an upload takes. The dataset is locked meanwhile.
    pub upload_time: Duration,
    /// The highest number of rows in an upload. Larger uploads are refused with 413.
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
            has_row_identifier: true,
            columns: default_columns(),
            request_time: Duration::ZERO,
            port: 0,
            file: None,
            upload_time: Duration::ZERO,
            max_rows: 50_000,
        }
    }
}

/// Why the portal did not start.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// No port to listen on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The file of rows cannot be used.
    #[error("cannot keep the portal's rows in {file}: {source}")]
    File {
        /// The requested file.
        file: PathBuf,
        /// The operating system's error.
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
    /// [`PortalError`]: the port is in use, or the file cannot be used.
    pub async fn start(options: PortalOptions) -> Result<Self, PortalError> {
        let identifier = options
            .has_row_identifier
            .then_some(options.row_id.as_str());
        let rows = Rows::open(identifier, options.file.as_deref()).map_err(|source| {
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
            refused: Mutex::default(),
            max_page_rows: AtomicUsize::new(usize::MAX),
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

    /// The value for `SOCRATA_DATA_ENDPOINT`: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The options that the portal was started with.
    #[must_use]
    pub fn options(&self) -> &PortalOptions {
        &self.state.options
    }

    /// Adds a fault for one upload. Faults happen in the order in which they were added.
    pub fn fail_next(&self, fault: Fault) {
        self.state.faults.push(fault);
    }

    /// Refuses every row of which this column begins so, until the faults are cleared. Whatever the
    /// order of the uploads, these rows are not applied.
    pub fn refuse_rows(&self, column: &str, prefix: &str) {
        *self.refused() = Some(fault::RefusedRows {
            column: column.to_owned(),
            prefix: prefix.to_owned(),
        });
    }

    /// Returns at most so many rows for a query from now on, as a proxy before a portal may.
    pub fn cap_pages(&self, rows: usize) {
        self.state.max_page_rows.store(rows, Ordering::Relaxed);
    }

    /// Removes the faults that have not happened yet, and refuses no more rows.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
        *self.refused() = None;
    }

    fn refused(&self) -> MutexGuard<'_, Option<fault::RefusedRows>> {
        self.state
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many faults have not happened yet.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        self.state.faults.len()
    }

    /// The requests so far.
    #[must_use]
    pub fn log(&self) -> &RequestLog {
        &self.log
    }

    /// The number of rows in the dataset.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.rows_locked(|rows| rows.len())
    }

    /// All rows as they were uploaded, in the order of their identifiers.
    #[must_use]
    pub fn rows(&self) -> Vec<Map<String, Value>> {
        self.rows_locked(|rows| rows.iter().collect())
    }

    /// The row with this identifier, as it was uploaded.
    #[must_use]
    pub fn row(&self, identifier: &str) -> Option<Map<String, Value>> {
        self.rows_locked(|rows| rows.get(identifier))
    }

    /// Adds or changes a row without a request, as a person does in the portal's editor.
    ///
    /// # Errors
    ///
    /// The file of rows cannot be written.
    pub fn edit_row(&self, row: Map<String, Value>) -> io::Result<()> {
        self.rows_locked(|rows| {
            rows.upsert(row)?;
            rows.flush()
        })
    }

    /// Removes a row without a request. Returns whether the row existed.
    ///
    /// # Errors
    ///
    /// The file of rows cannot be written.
    pub fn lose_row(&self, identifier: &str) -> io::Result<bool> {
        let mut deletion = Map::new();
        deletion.insert(self.state.options.row_id.clone(), Value::from(identifier));
        deletion.insert(":deleted".to_owned(), Value::Bool(true));
        self.rows_locked(|rows| {
            let existed = rows.get(identifier).is_some();
            rows.upsert(deletion)?;
            rows.flush()?;
            Ok(existed)
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
