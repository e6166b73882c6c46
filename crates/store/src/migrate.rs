//! Migrations of schema `api`, and the rows of `api.schedule_status`.

use std::collections::BTreeSet;

use tokio_postgres::{Client, Transaction};
use trips::hour_state::HourState;
use trips::status::BlockStatus;

use crate::connect::Store;
use crate::error::{StoreError, classify, failed};
use crate::life::MAX_SILENCE;
use crate::lock_session::{LockSession, MIGRATION_KEY, limit_silence};
use crate::schedule::{get, status_code};
use crate::takeover::{
    Inspection, MigrationReport, TakeOver, apply, foreign_history, inspect, taken_names,
};

mod in_transaction;

use in_transaction::InTransaction;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The versions of the tables that this program knows, in order. The functions compare only these;
/// refinery reads names by regular expressions, whose engine is large.
const VERSIONS: &[i32] = include!(concat!(env!("OUT_DIR"), "/versions.rs"));

/// In the same schema as the tables, since a role may lack the right to write to `public`.
const HISTORY: &str = "api.schema_history";

/// `CREATE SCHEMA IF NOT EXISTS` needs the right to create schemas even if the schema exists.
const CREATE_SCHEMA: &str =
    "DO $$ BEGIN IF to_regnamespace('api') IS NULL THEN CREATE SCHEMA api; END IF; END $$";

impl Store {
    /// [`Store::migrate_with`], without anything to know of the tables of another tool. Returns the
    /// versions that were applied.
    ///
    /// # Errors
    ///
    /// As [`Store::migrate_with`].
    pub async fn migrate(&self) -> Result<Vec<i32>, StoreError> {
        let report = self.migrate_with(&TakeOver::default()).await?;
        Ok(report.applied)
    }

    /// Creates or updates the tables of schema `api` for this version of the program, and takes
    /// over those of the Python tools. Does nothing if they are up to date, for which a login
    /// without rights to change them suffices. Of several concurrent calls, one migrates and the
    /// others wait for it.
    ///
    /// Everything happens in one transaction: a migration that ends early leaves what there was.
    ///
    /// # Errors
    ///
    /// [`StoreError::CannotTakeOver`], [`StoreError::UnknownZone`]; [`StoreError::MayNotMigrate`]
    /// if the role lacks a right, [`StoreError::History`] if a newer version of the program has
    /// migrated the database, [`StoreError::Busy`] if others use the tables,
    /// [`StoreError::Unavailable`].
    pub async fn migrate_with(&self, options: &TakeOver) -> Result<MigrationReport, StoreError> {
        let doing = failed("migrating");
        let mut session = LockSession::new(self.client().await?);
        // The others wait, and the tables that tell of silent processes may not exist yet.
        limit_silence(session.client()?, MAX_SILENCE).await?;
        let client = session.client_mut()?;
        client
            .execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_KEY])
            .await
            .map_err(doing)?;
        let report = run(client, options)
            .await
            .map_err(StoreError::of_migration)?;
        session.give_back().await?;
        Ok(report)
    }

    /// What [`Store::migrate_with`] would do, and what is in its way. Changes nothing, and locks
    /// nothing that others read or write.
    ///
    /// # Errors
    ///
    /// [`StoreError::MayNotMigrate`] if the role may not read the tables,
    /// [`StoreError::UnknownZone`], [`StoreError::Unavailable`].
    pub async fn plan_migration(&self, options: &TakeOver) -> Result<MigrationReport, StoreError> {
        let planned = self.look_at(options).await;
        planned.map_err(StoreError::of_migration)
    }

    async fn look_at(&self, options: &TakeOver) -> Result<MigrationReport, StoreError> {
        let doing = failed("reading which migrations are missing");
        let mut session = LockSession::new(self.client().await?);
        let client: &mut Client = session.client_mut()?;
        let transaction = client.transaction().await.map_err(doing)?;
        let limits = limits(options);
        transaction.batch_execute(&limits).await.map_err(doing)?;
        let (known, inspection) = look(&transaction, options, false).await?;
        transaction.rollback().await.map_err(doing)?;
        session.give_back().await?;
        Ok(MigrationReport {
            migrations: unapplied(&known),
            ..report_of(&known, inspection)
        })
    }

    /// The migrations that [`Store::migrate`] would apply, in order: `V5__configuration`. Changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::LacksRight`] if the role may not read the history,
    /// [`StoreError::CannotTakeOver`] if it is that of another program,
    /// [`StoreError::Unavailable`].
    pub async fn missing_migrations(&self) -> Result<Vec<String>, StoreError> {
        let doing = failed("reading which migrations are missing");
        let mut session = LockSession::new(self.client().await?);
        let client: &mut Client = session.client_mut()?;
        let transaction = client.transaction().await.map_err(doing)?;
        let foreign = foreign_history(&transaction, &names_of_migrations()).await?;
        if let Some(obstacle) = foreign {
            return Err(StoreError::CannotTakeOver {
                obstacles: vec![obstacle],
            });
        }
        let known = applied_versions(&transaction).await?;
        transaction.rollback().await.map_err(doing)?;
        session.give_back().await?;
        Ok(unapplied(&known))
    }

    /// The version of the tables that this program works with.
    #[must_use]
    pub fn newest_version() -> i32 {
        VERSIONS.last().copied().unwrap_or_default()
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
                &[&VERSIONS],
            )
            .await
            .map_err(failed(doing))
            .and_then(|row| row.map(|row| get::<i32>(&row, "version")).transpose());
        match missing {
            Ok(Some(version)) => Err(StoreError::not_migrated(
                doing,
                format!("they lack the migration V{version}"),
            )),
            Ok(None) | Err(StoreError::LacksRight(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Limits the wait for locks, and no statement.
fn limits(options: &TakeOver) -> String {
    format!(
        "SET LOCAL lock_timeout = '{}ms'; SET LOCAL statement_timeout = 0",
        options.patience.as_millis().max(1)
    )
}

async fn run(client: &mut Client, options: &TakeOver) -> Result<MigrationReport, StoreError> {
    let doing = failed("migrating");
    let transaction = client.transaction().await.map_err(doing)?;
    let limits = limits(options);
    transaction.batch_execute(&limits).await.map_err(doing)?;
    transaction
        .batch_execute(CREATE_SCHEMA)
        .await
        .map_err(failed("creating the schema api"))?;
    let (known, inspection) = look(&transaction, options, true).await?;
    if !inspection.obstacles.is_empty() {
        return Err(StoreError::CannotTakeOver {
            obstacles: inspection.obstacles,
        });
    }
    let mut notes = Vec::new();
    if inspection.is_needed() {
        notes = apply(&transaction, &inspection, options).await?;
    }
    let applied = match migrate(&transaction).await {
        // Another login owns the tables, and has migrated them.
        Err(StoreError::LacksRight(_)) if has_all(&known) && !inspection.is_needed() => {
            transaction.rollback().await.map_err(doing)?;
            return Ok(report_of(&known, inspection));
        }
        applied => applied?,
    };
    transaction.commit().await.map_err(doing)?;
    let applied = applied.applied_migrations();
    for migration in applied {
        tracing::info!(migration.name = %migration, "migration applied");
    }
    let mut report = MigrationReport {
        migrations: applied.iter().map(ToString::to_string).collect(),
        applied: applied.iter().map(refinery::Migration::version).collect(),
        ..report_of(&known, inspection)
    };
    report.notes.extend(notes);
    Ok(report)
}

/// Applies what is missing.
async fn migrate(transaction: &Transaction<'_>) -> Result<refinery::Report, StoreError> {
    let mut runner = embedded::migrations::runner();
    runner.set_migration_table_name(HISTORY);
    let applied = runner
        .run_async(&mut InTransaction(transaction))
        .await
        .map_err(|e| from_refinery_error(&e))?;
    write_statuses(transaction).await?;
    Ok(applied)
}

/// Whether the tables have exactly the migrations of this program.
fn has_all(known: &[i32]) -> bool {
    let (known, ours) = (BTreeSet::from_iter(known), BTreeSet::from_iter(VERSIONS));
    known == ours
}

/// The migrations that the tables have, and what is in the way of the others.
async fn look(
    transaction: &Transaction<'_>,
    options: &TakeOver,
    lock: bool,
) -> Result<(Vec<i32>, Inspection), StoreError> {
    let foreign = foreign_history(transaction, &names_of_migrations()).await?;
    let known = match &foreign {
        None => applied_versions(transaction).await?,
        Some(_) => Vec::new(),
    };
    let mut inspection = inspect(transaction, options, known.is_empty(), lock).await?;
    inspection.obstacles.extend(foreign);
    let taken = taken_names(transaction, &known).await?;
    inspection.obstacles.extend(taken);
    Ok((known, inspection))
}

fn names_of_migrations() -> Vec<(i32, String)> {
    let runner = embedded::migrations::runner();
    let migrations = runner.get_migrations().iter();
    migrations
        .map(|it| (it.version(), it.name().to_owned()))
        .collect()
}

fn report_of(known: &[i32], inspection: Inspection) -> MigrationReport {
    MigrationReport {
        version_before: known.iter().max().copied(),
        version: Store::newest_version(),
        migrations: Vec::new(),
        applied: Vec::new(),
        tables: inspection.tables(),
        seconds: inspection.seconds(),
        notes: inspection.notes,
        obstacles: inspection.obstacles,
    }
}

fn unapplied(known: &[i32]) -> Vec<String> {
    let runner = embedded::migrations::runner();
    let mut missing: Vec<_> = (runner.get_migrations().iter())
        .filter(|migration| !known.contains(&migration.version()))
        .collect();
    missing.sort_by_key(|migration| migration.version());
    missing.into_iter().map(ToString::to_string).collect()
}

/// The versions that the history has; none without one.
async fn applied_versions(transaction: &Transaction<'_>) -> Result<Vec<i32>, StoreError> {
    let doing = failed("reading which migrations are missing");
    let has_history = transaction
        .query_one(
            "SELECT to_regclass('api.schema_history') IS NOT NULL AS is_there",
            &[],
        )
        .await
        .map_err(doing)?;
    if !get::<bool>(&has_history, "is_there")? {
        return Ok(Vec::new());
    }
    let history = "SELECT version FROM api.schema_history";
    let rows = transaction.query(history, &[]).await.map_err(doing)?;
    rows.iter().map(|row| get(row, "version")).collect()
}

/// Copies the statuses with their descriptions and states from [`BlockStatus`] to
/// `api.schedule_status`.
async fn write_statuses(client: &Transaction<'_>) -> Result<(), StoreError> {
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

#[cfg(test)]
mod tests;
