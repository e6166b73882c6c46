//! One cluster for all test processes of a nextest run.
//!
//! nextest runs every test in a separate process. The first process that needs Postgres starts it,
//! and the others connect to the same server. It stops when nextest ends.

use std::fs::{self, File};
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::server::Place;
use super::{Cluster, PASSWORD, PostgresError, connect};

/// The variable in which nextest gives the id of the run to its test processes.
const RUN_ID: &str = "NEXTEST_RUN_ID";
/// The file with the server's port and the cluster's folder, in the folder of the run. It exists
/// once the server is ready.
const SERVER: &str = "server";
/// The file whose lock a process holds while it starts the server, in the folder of the run. No
/// attempt to start a server removes it.
const LOCK: &str = "lock";

impl Cluster {
    /// The cluster of this nextest run; without nextest, a cluster of this process.
    pub(super) async fn of_run() -> Result<Self, PostgresError> {
        let id = std::env::var(RUN_ID).unwrap_or_default();
        match id.parse::<Uuid>() {
            Ok(id) => {
                let name = format!("sandbox-postgres-run-{}", id.simple());
                Self::start_or_join(std::env::temp_dir().join(name)).await
            }
            Err(_) => Self::start().await,
        }
    }

    async fn start_or_join(folder: PathBuf) -> Result<Self, PostgresError> {
        let _lock = lock(&folder).await?;
        let server = folder.join(SERVER);
        if !server.exists() {
            let place = Place::OfRun {
                folder,
                owner: parent_id(),
            };
            let cluster = Self::start_with(&place).await?;
            let text = format!("{} {}", cluster.port, cluster.folder.display());
            fs::write(&server, text).map_err(|source| PostgresError::folder(&server, source))?;
            return Ok(cluster);
        }
        match Self::join(&server).await {
            Some(cluster) => Ok(cluster),
            // The process that was taken for nextest has ended.
            None => Self::start().await,
        }
    }

    async fn join(server: &Path) -> Option<Self> {
        let text = fs::read_to_string(server).ok()?;
        let (port, folder) = text.split_once(' ')?;
        let (port, folder) = (port.parse().ok()?, PathBuf::from(folder));
        let password = fs::read_to_string(folder.join(PASSWORD)).ok()?;
        let password = password.trim().to_owned();
        connect(port, &password).await.ok()?;
        Some(Self {
            server: None,
            folder,
            port,
            password,
            is_of_run: true,
        })
    }
}

async fn lock(folder: &Path) -> Result<File, PostgresError> {
    let path = folder.join(LOCK);
    let locked = tokio::task::spawn_blocking({
        let (folder, path) = (folder.to_owned(), path.clone());
        move || {
            fs::create_dir_all(folder)?;
            let file = File::create(path)?;
            file.lock()?;
            Ok(file)
        }
    });
    match locked.await {
        Ok(result) => result.map_err(|source| PostgresError::folder(&path, source)),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
