//! One cluster for all test processes of a nextest run.
//!
//! nextest runs every test in a separate process. The first process that needs Postgres starts it,
//! and the others connect to the same server. It stops when nextest ends.

use std::fs::{self, File};
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::server::OnStop;
use super::{Cluster, PASSWORD, PostgresError, connect};

/// The variable in which nextest gives the id of the run to its test processes.
const RUN_ID: &str = "NEXTEST_RUN_ID";
/// The file with the server's port, inside the cluster's folder. It exists while the server is
/// ready.
const PORT: &str = "port";
/// The file whose lock a process holds while it starts the server.
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
        let port = folder.join(PORT);
        if !port.exists() {
            let nextest = Some(parent_id());
            let cluster = Self::start_with(folder, OnStop::Remove, nextest).await?;
            fs::write(&port, cluster.port.to_string())
                .map_err(|source| PostgresError::folder(&port, source))?;
            return Ok(cluster);
        }
        match Self::join(folder).await {
            Some(cluster) => Ok(cluster),
            // The process that was taken for nextest has ended.
            None => Self::start().await,
        }
    }

    async fn join(folder: PathBuf) -> Option<Self> {
        let read = |file: &str| fs::read_to_string(folder.join(file)).ok();
        let port = read(PORT)?.parse().ok()?;
        let password = read(PASSWORD)?.trim().to_owned();
        connect(port, &password).await.ok()?;
        Some(Self {
            server: None,
            folder,
            port,
            password,
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
