//! The databases of tests that have ended.
//!
//! A run of tests has a database for each test. Dropping it right after the test bounds what a run
//! needs, which may be memory, to the tests that are running.

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::{Cluster, PostgresError, connect};

/// A new name for a database of this process.
pub(super) fn new_name() -> String {
    format!("sandbox_{}_{}", std::process::id(), Uuid::new_v4().simple())
}

/// The process that created a database of this name. `None` if the name was given to it.
fn creator(name: &str) -> Option<Pid> {
    let (pid, _) = name.strip_prefix("sandbox_")?.split_once('_')?;
    Pid::from_raw(pid.parse().ok()?)
}

fn has_ended(process: Pid) -> bool {
    test_kill_process(process) == Err(Errno::SRCH)
}

impl Cluster {
    /// Drops every database of this run of tests whose creator has ended.
    pub(super) async fn drop_databases_of_ended_tests(&self) -> Result<(), PostgresError> {
        if !self.is_of_run {
            return Ok(());
        }
        let client = connect(self.port, &self.password).await?;
        let names = client.query("SELECT datname FROM pg_database", &[]).await?;
        for name in names.iter().map(|row| row.get::<_, &str>(0)) {
            if !creator(name).is_some_and(has_ended) {
                continue;
            }
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            match client.batch_execute(&drop).await {
                // Another test drops it, or one that was killed has left a session.
                Err(error) if error.code().is_some_and(is_passing) => {}
                dropped => dropped?,
            }
        }
        Ok(())
    }
}

fn is_passing(code: &SqlState) -> bool {
    [SqlState::INVALID_CATALOG_NAME, SqlState::OBJECT_IN_USE].contains(code)
}

#[cfg(test)]
mod tests;
