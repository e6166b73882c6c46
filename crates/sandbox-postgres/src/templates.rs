//! Databases that start as copies of another one.

use std::future::Future;
use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::error::SqlState;

use super::ended::new_name;
use super::{Cluster, PostgresError, connect};

/// How often the filled database is looked at until its last session has ended.
const RENAME_ATTEMPTS: u32 = 50;

impl Cluster {
    /// Creates a database with a new name, as a copy of the database `template`. Whoever comes
    /// first creates that one, and has `fill` fill it by the URL that it gets. Returns the URL of
    /// the copy. A copy takes less time than what fills a database usually does.
    ///
    /// Nobody may connect to the template, and `fill` must leave no session behind: the server does
    /// not copy a database that is in use.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Query`]: the server refused. And the errors of `fill`.
    pub async fn create_copy<E, F>(
        &self,
        template: &str,
        fill: impl FnOnce(String) -> F,
    ) -> Result<String, E>
    where
        E: From<PostgresError>,
        F: Future<Output = Result<(), E>>,
    {
        self.drop_databases_of_ended_tests().await?;
        match self.copy_of(template).await {
            Err(PostgresError::Query { source })
                if source.code() == Some(&SqlState::INVALID_CATALOG_NAME) => {}
            copied => return Ok(copied?),
        }
        let name = new_name();
        fill(self.ensure_database(&name).await?).await?;
        self.rename(&name, template).await?;
        Ok(self.copy_of(template).await?)
    }

    async fn copy_of(&self, template: &str) -> Result<String, PostgresError> {
        let client = connect(self.port, &self.password).await?;
        let version = "SELECT current_setting('server_version_num')::int";
        let version: i32 = client.query_one(version, &[]).await?.get(0);
        // By default, version 15 writes every page to its log as well.
        let strategy = if version < 150_000 {
            ""
        } else {
            "STRATEGY file_copy"
        };
        let name = new_name();
        let copy = format!("CREATE DATABASE {name} TEMPLATE {template} {strategy}");
        client.batch_execute(&copy).await?;
        Ok(self.url(&name))
    }

    /// Renames a filled database, unless another process was faster.
    async fn rename(&self, name: &str, template: &str) -> Result<(), PostgresError> {
        let client = connect(self.port, &self.password).await?;
        let rename = format!("ALTER DATABASE {name} RENAME TO {template}");
        let mut attempts_left = RENAME_ATTEMPTS;
        loop {
            attempts_left -= 1;
            let renamed = client.batch_execute(&rename).await;
            match renamed.as_ref().err().and_then(|error| error.code()) {
                // Two that rename at the same moment meet in the index.
                Some(&SqlState::DUPLICATE_DATABASE | &SqlState::UNIQUE_VIOLATION) => return Ok(()),
                Some(&SqlState::OBJECT_IN_USE) if attempts_left > 0 => {
                    sleep(Duration::from_millis(20)).await;
                }
                _ => return Ok(renamed?),
            }
        }
    }
}
