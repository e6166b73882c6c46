#![doc = include_str!("../README.md")]

mod account;
mod binaries;
mod ended;
mod error;
mod server;
mod shared;
mod templates;
mod verifier;

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use tokio::time::sleep;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

pub use error::PostgresError;
use server::{Place, Plan, Server};

/// The folder with the data, in the folder of a cluster.
const DATA: &str = "data";
/// The file with the superuser's password, in the folder of a cluster.
const PASSWORD: &str = "password";
/// The file with its verifier, from which the cluster is made.
const VERIFIER: &str = "verifier";
/// The file with the server's log, in the folder of a cluster.
const LOG: &str = "server.log";

/// How long a server may take to accept connections.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How often to start a server that ends immediately. Another process can take its port between the
/// choice and the start, or the previous server on the folder is still stopping.
const START_ATTEMPTS: u32 = 8;

/// A Postgres server on a free port of loopback.
///
/// Dropping it stops the server, and removes the data if the cluster is temporary.
#[derive(Debug)]
pub struct Cluster {
    /// `None` if another process has started the server.
    server: Option<Mutex<Server>>,
    folder: PathBuf,
    port: u16,
    password: String,
    /// Whether the tests of a nextest run share it.
    is_of_run: bool,
}

impl Cluster {
    /// The shared cluster of this process or, in a test that nextest runs, of the whole nextest
    /// run. It is started at its first use and stopped when the process or the run ends. Tests use
    /// it, each with its own database.
    ///
    /// # Errors
    ///
    /// As [`Cluster::start`].
    pub async fn shared() -> Result<&'static Self, PostgresError> {
        static SHARED: OnceCell<Cluster> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::of_run).await
    }

    /// Starts a cluster in a temporary folder, which is removed when the server stops.
    ///
    /// # Errors
    ///
    /// [`PostgresError`]: no programs are found, or the server did not start. The error then has
    /// the end of the log.
    pub async fn start() -> Result<Self, PostgresError> {
        Self::start_with(&Place::Temporary).await
    }

    /// Starts a cluster whose data stays in `folder`. The folder is created if it does not exist,
    /// and reused if it does. Only one server at a time can use a folder.
    ///
    /// # Errors
    ///
    /// As [`Cluster::start`].
    pub async fn start_in(folder: impl Into<PathBuf>) -> Result<Self, PostgresError> {
        Self::start_with(&Place::Kept(folder.into())).await
    }

    async fn start_with(place: &Place) -> Result<Self, PostgresError> {
        let mut attempts_left = START_ATTEMPTS;
        let mut pause = Duration::from_millis(50);
        loop {
            attempts_left -= 1;
            match Self::start_once(place).await {
                Err(error) if attempts_left > 0 && is_transient(&error) => sleep(pause).await,
                other => return other,
            }
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    async fn start_once(place: &Place) -> Result<Self, PostgresError> {
        let (plan, password) = Plan::prepare(place)?;
        let port = free_port().map_err(|source| PostgresError::Spawn { source })?;
        let mut server = plan.start(port)?;
        wait_until_ready(&mut server, port, &password).await?;
        let folder = server.folder().to_owned();
        Ok(Self {
            server: Some(Mutex::new(server)),
            folder,
            port,
            password,
            is_of_run: matches!(place, Place::OfRun { .. }),
        })
    }

    /// Creates an empty database with a new name. Returns its URL.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Query`]: the server refused.
    pub async fn create_database(&self) -> Result<String, PostgresError> {
        self.drop_databases_of_ended_tests().await?;
        self.ensure_database(&ended::new_name()).await
    }

    /// Creates the database `name` unless it exists. Returns its URL.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Query`]: the server refused.
    pub async fn ensure_database(&self, name: &str) -> Result<String, PostgresError> {
        let statement = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
        match self.execute(&statement).await {
            Err(PostgresError::Query { source })
                if source.code() == Some(&SqlState::DUPLICATE_DATABASE) => {}
            other => other?,
        }
        Ok(self.url(name))
    }

    /// The URL of the database `name` with the password, for `DATABASE_URL`.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!(
            "postgresql://postgres:{}@127.0.0.1:{}/{name}",
            self.password, self.port
        )
    }

    /// The port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder with the data, the password and the server's log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the server is still running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        match &self.server {
            Some(server) => !server
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .has_ended(),
            None => TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok(),
        }
    }

    async fn execute(&self, statement: &str) -> Result<(), PostgresError> {
        let client = connect(self.port, &self.password).await?;
        Ok(client.batch_execute(statement).await?)
    }
}

/// Whether another attempt can succeed, because the port or the folder can be free then.
fn is_transient(error: &PostgresError) -> bool {
    match error {
        PostgresError::Ended { log, .. } => {
            log.contains("Address already in use")
                || log.contains("postmaster.pid")
                || log.contains("shared memory")
        }
        _ => false,
    }
}

fn free_port() -> io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()
        .map(|address| address.port())
}

async fn wait_until_ready(
    server: &mut Server,
    port: u16,
    password: &str,
) -> Result<(), PostgresError> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if server.has_ended() {
            return Err(PostgresError::Ended {
                folder: server.folder().to_owned(),
                log: server.log_tail(),
            });
        }
        if connect(port, password).await.is_ok() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(PostgresError::NotReady {
                folder: server.folder().to_owned(),
                log: server.log_tail(),
            });
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn connect(
    port: u16,
    password: &str,
) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(port)
        .user("postgres")
        .password(password)
        .dbname("postgres");
    let (client, connection) = config.connect(NoTls).await?;
    // The task ends when the client is dropped.
    tokio::spawn(connection);
    Ok(client)
}
