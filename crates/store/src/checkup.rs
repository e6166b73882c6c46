//! What a server and a login are like, for those who set them up.

use chrono::{DateTime, Utc};

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::get;

/// The server and the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// Postgres' version, such as `16.4`.
    pub version: String,
    /// The role.
    pub user: String,
    /// The database's name.
    pub database: String,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
    /// The server's clock.
    pub now: DateTime<Utc>,
}

/// The rights of infra/grants.sql that the login lacks. The function for sequences fails for other
/// relations, and a condition next to it may be looked at later. Tables that are not there count
/// for nothing.
const MISSING_RIGHTS: &str = "
    WITH tables AS (
        SELECT c.oid, c.relname, c.relkind
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'api'
    ), needed (what, is_there) AS (
        SELECT 'TEMPORARY on the database', has_database_privilege(current_database(), 'TEMPORARY')
        UNION ALL
        SELECT 'USAGE on the schema api', has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = 'api'
        UNION ALL
        SELECT kind || ' on api.' || relname, has_table_privilege(oid, kind)
        FROM tables CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE')) AS kinds (kind)
        WHERE relkind IN ('r', 'p')
          AND (kind = 'SELECT' OR relname NOT IN ('schema_history', 'schedule_status'))
        UNION ALL
        SELECT 'DELETE on api.' || relname, has_table_privilege(oid, 'DELETE')
        FROM tables WHERE relname IN ('vehicles', 'vehicles_wanted', 'runs', 'run_blocks', 'signs_of_life') AND relkind IN ('r', 'p')
        UNION ALL
        SELECT 'USAGE on api.' || relname, CASE WHEN relkind = 'S' THEN has_sequence_privilege(oid, 'USAGE') END FROM tables WHERE relkind = 'S'
    )
    SELECT what FROM needed WHERE NOT is_there ORDER BY what";

/// A table takes a page from the file system when it has no room for a row, so some are written.
const TRIAL: &str = "
    CREATE TEMPORARY TABLE trial_rows (content text) ON COMMIT DROP;
    INSERT INTO trial_rows SELECT repeat('0', 1000) FROM generate_series(1, 100)";

/// Whether the schema has tables by the names of this program's, and no history of migrations.
const HAS_OTHER_TABLES: &str = "
    SELECT coalesce(
        bool_or(c.relname IN ('providers', 'schedule_status', 'schedule', 'trips', 'devices'))
            AND NOT bool_or(c.relname = 'schema_history'),
        false) AS is_so
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'api' AND c.relkind IN ('r', 'p')";

impl Store {
    /// What the server and the login are like.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub async fn server_info(&self) -> Result<ServerInfo, StoreError> {
        let row = self
            .client()
            .await?
            .query_one(
                "SELECT current_setting('server_version') AS version, current_user::text AS user_name,
                        current_database()::text AS database, clock_timestamp() AS now,
                        coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS ssl",
                &[],
            )
            .await
            .map_err(failed("looking at the server"))?;
        Ok(ServerInfo {
            version: get(&row, "version")?,
            user: get(&row, "user_name")?,
            database: get(&row, "database")?,
            is_encrypted: get(&row, "ssl")?,
            now: get(&row, "now")?,
        })
    }

    /// The rights that the login lacks, of those in infra/grants.sql.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub async fn missing_rights(&self) -> Result<Vec<String>, StoreError> {
        let rows = self
            .client()
            .await?
            .query(MISSING_RIGHTS, &[])
            .await
            .map_err(failed("looking at the rights of the login"))?;
        rows.iter().map(|row| get(row, "what")).collect()
    }

    /// Writes some pages to a temporary table, as a load does, and rolls back. It needs no right
    /// that a load does not need.
    ///
    /// # Errors
    ///
    /// Those of connecting, and of a database that takes no rows.
    pub async fn try_rows(&self) -> Result<(), StoreError> {
        let failed = failed("trying to write rows");
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        transaction.batch_execute(TRIAL).await.map_err(failed)?;
        transaction.rollback().await.map_err(failed)
    }

    /// Whether the database has tables of another tool, which no migration of this program has
    /// taken over. It needs no right to them.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub async fn has_other_tables(&self) -> Result<bool, StoreError> {
        let row = self.client().await?.query_one(HAS_OTHER_TABLES, &[]).await;
        let row = row.map_err(failed("looking for tables of another tool"))?;
        get(&row, "is_so")
    }
}
