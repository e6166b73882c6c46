//! Migrations of schema `api`, and the rows of `api.schedule_status`.

use tokio_postgres::Client;
use trips::hour_state::HourState;
use trips::status::BlockStatus;

use crate::connect::Store;
use crate::error::{StoreError, classify, failed};
use crate::life::MAX_SILENCE;
use crate::lock_session::{LockSession, MIGRATION_KEY, limit_silence};
use crate::schedule::{get, status_code};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// In the same schema as the tables, since a role may lack the right to write to `public`.
const HISTORY: &str = "api.schema_history";

/// `CREATE SCHEMA IF NOT EXISTS` needs the right to create schemas even if the schema exists.
const CREATE_SCHEMA: &str =
    "DO $$ BEGIN IF to_regnamespace('api') IS NULL THEN CREATE SCHEMA api; END IF; END $$";

impl Store {
    /// Creates or updates the tables of schema `api` for this version of the program. Does nothing
    /// if they are up to date. Of several concurrent calls, one migrates and the others wait for
    /// it. Returns the versions that were applied.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if the role lacks a right, [`StoreError::History`] if a newer
    /// version of the program has migrated the database, [`StoreError::Unavailable`].
    pub async fn migrate(&self) -> Result<Vec<i32>, StoreError> {
        let doing = failed("migrating");
        let mut session = LockSession::new(self.client().await?);
        // The others wait, and the tables that tell of silent processes may not exist yet.
        limit_silence(session.client()?, MAX_SILENCE).await?;
        let client = session.client_mut()?;
        client
            .execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_KEY])
            .await
            .map_err(doing)?;
        let applied = run(client).await?;
        write_statuses(client).await?;
        session.give_back().await?;
        Ok(applied)
    }

    /// The version of the tables that this program works with.
    #[must_use]
    pub fn newest_version() -> i32 {
        versions().into_iter().max().unwrap_or_default()
    }

    /// The migrations that [`Store::migrate`] would apply, in order: `V5__configuration`. Changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if the role may not read the history, [`StoreError::Unavailable`].
    pub async fn missing_migrations(&self) -> Result<Vec<String>, StoreError> {
        let doing = failed("reading which migrations are missing");
        let client = self.client().await?;
        let has_history = client
            .query_one(
                "SELECT to_regclass('api.schema_history') IS NOT NULL AS is_there",
                &[],
            )
            .await
            .map_err(doing)?;
        let applied: Vec<i32> = if get(&has_history, "is_there")? {
            let history = "SELECT version FROM api.schema_history";
            let rows = client.query(history, &[]).await.map_err(doing)?;
            let versions = rows.iter().map(|row| get(row, "version"));
            versions.collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        let runner = embedded::migrations::runner();
        let mut missing: Vec<_> = (runner.get_migrations().iter())
            .filter(|migration| !applied.contains(&migration.version()))
            .collect();
        missing.sort_by_key(|migration| migration.version());
        Ok(missing.into_iter().map(ToString::to_string).collect())
    }

    /// Checks that the tables have every migration of this version of the program. A role that may
    /// not read the history is believed.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotMigrated`], [`StoreError::Unavailable`].
    pub async fn check_migrated(&self) -> Result<(), StoreError> {
        let doing = "checking the tables' version";
        let missing = self
            .client()
            .await?
            .query_opt(
                "SELECT version FROM unnest($1::int[]) AS known (version)
                 WHERE version NOT IN (SELECT applied.version FROM api.schema_history applied)
                 ORDER BY version LIMIT 1",
                &[&versions()],
            )
            .await
            .map_err(failed(doing))
            .and_then(|row| row.map(|row| get::<i32>(&row, "version")).transpose());
        match missing {
            Ok(Some(version)) => Err(StoreError::not_migrated(
                doing,
                format!("they lack the migration V{version}"),
            )),
            Ok(None) | Err(StoreError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The versions of the tables that this program knows.
fn versions() -> Vec<i32> {
    let runner = embedded::migrations::runner();
    let migrations = runner.get_migrations().iter();
    migrations.map(refinery::Migration::version).collect()
}

async fn run(client: &mut Client) -> Result<Vec<i32>, StoreError> {
    client
        .batch_execute(CREATE_SCHEMA)
        .await
        .map_err(failed("creating the schema api"))?;
    let mut runner = embedded::migrations::runner();
    runner.set_migration_table_name(HISTORY);
    let report = runner
        .run_async(client)
        .await
        .map_err(|e| from_refinery_error(&e))?;
    let applied = report.applied_migrations();
    for migration in applied {
        tracing::info!(migration.name = %migration, "migration applied");
    }
    Ok(applied.iter().map(refinery::Migration::version).collect())
}

/// Copies the statuses with their descriptions and states from [`BlockStatus`] to
/// `api.schedule_status`.
async fn write_statuses(client: &Client) -> Result<(), StoreError> {
    let codes = BlockStatus::ALL.map(status_code);
    let descriptions = BlockStatus::ALL.map(BlockStatus::as_str);
    let states = BlockStatus::ALL.map(|status| HourState::from(status).as_str());
    client
        .execute(
            "INSERT INTO api.schedule_status AS s (status_id, description, state)
             SELECT * FROM unnest($1::int[], $2::text[], $3::text[])
             ON CONFLICT (status_id) DO UPDATE SET description = excluded.description, state = excluded.state
             WHERE (s.description, s.state) IS DISTINCT FROM (excluded.description, excluded.state)",
            &[
                &codes.as_slice(),
                &descriptions.as_slice(),
                &states.as_slice(),
            ],
        )
        .await
        .map_err(failed("writing the statuses"))?;
    Ok(())
}

fn from_refinery_error(error: &refinery::Error) -> StoreError {
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
