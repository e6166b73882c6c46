//! Migrations, and the list of statuses that belongs to them.

use tokio_postgres::Client;
use trips::status::BlockStatus;

use crate::connect::Store;
use crate::error::{StoreError, classify, failed};
use crate::session::{LockSession, MIGRATION_KEY};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Beside the tables it is about, since a role may well lack the right to write to `public`.
const HISTORY: &str = "api.schema_history";

/// `IF NOT EXISTS` would ask for the right to make schemas even where there is nothing to make.
const CREATE_SCHEMA: &str =
    "DO $$ BEGIN IF to_regnamespace('api') IS NULL THEN CREATE SCHEMA api; END IF; END $$";

impl Store {
    /// Brings the tables up to this version of the program. Does nothing where that is done; of
    /// several at once, one works and the others wait for it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] for a role without the rights, [`StoreError::History`] for a
    /// database that is ahead of this program, [`StoreError::Unavailable`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let doing = failed("migrating");
        let mut held = LockSession::new(self.client().await?);
        let client = held.client_mut()?;
        client
            .execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_KEY])
            .await
            .map_err(doing)?;
        run(client).await?;
        list_statuses(client).await?;
        client
            .execute("SELECT pg_advisory_unlock($1)", &[&MIGRATION_KEY])
            .await
            .map_err(doing)?;
        held.return_to_pool();
        Ok(())
    }
}

async fn run(client: &mut Client) -> Result<(), StoreError> {
    client
        .batch_execute(CREATE_SCHEMA)
        .await
        .map_err(failed("creating the schema api"))?;
    let mut runner = embedded::migrations::runner();
    runner.set_migration_table_name(HISTORY);
    let report = runner
        .run_async(client)
        .await
        .map_err(|e| of_refinery(&e))?;
    for migration in report.applied_migrations() {
        tracing::info!(migration.name = %migration, "applied");
    }
    Ok(())
}

/// The statuses' names have one source, which is not SQL.
async fn list_statuses(client: &Client) -> Result<(), StoreError> {
    let codes: Vec<i32> = BlockStatus::ALL.iter().map(|s| s.code().into()).collect();
    let descriptions: Vec<&str> = BlockStatus::ALL.iter().map(|s| s.as_str()).collect();
    client
        .execute(
            "INSERT INTO api.schedule_status AS s (status_id, description)
             SELECT * FROM unnest($1::int[], $2::text[])
             ON CONFLICT (status_id) DO UPDATE SET description = excluded.description
             WHERE s.description <> excluded.description",
            &[&codes, &descriptions],
        )
        .await
        .map_err(failed("listing the statuses"))?;
    Ok(())
}

fn of_refinery(error: &refinery::Error) -> StoreError {
    match error.kind() {
        refinery::error::Kind::Connection(_, source) => match source.downcast_ref() {
            Some(error) => classify("migrating", error),
            None => StoreError::unavailable("migrating", error.to_string()),
        },
        kind => StoreError::History {
            why: kind.to_string(),
        },
    }
}
