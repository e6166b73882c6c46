//! An older program works on with newer tables: while a deployment goes on, and if somebody goes
//! back to the version before. Each file in `statements` has what one version sends to its tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::fixture::Db;
use crate::recorder::END;

/// The names of prepared statements and of their results.
const NAME: &str = "compatible";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The recorded statements, by the version of their tables.
fn recorded() -> BTreeMap<u32, Vec<String>> {
    let files = folder("tests/postgres/statements").read_dir().unwrap();
    files
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let statements = text.split(END).filter(|statement| !statement.is_empty());
            (
                name[1..].parse().unwrap(),
                statements.map(str::to_owned).collect(),
            )
        })
        .collect()
}

/// A database with the migrations up to a version.
async fn tables_of(version: u32) -> Db {
    let db = Db::empty().await;
    let mut migrations: Vec<(u32, PathBuf)> = folder("migrations")
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let (version, _) = name[1..].split_once("__").unwrap();
            (version.parse().unwrap(), path)
        })
        .filter(|(of_file, _)| *of_file <= version)
        .collect();
    migrations.sort();
    db.sql.batch_execute("CREATE SCHEMA api").await.unwrap();
    for (_, path) in migrations {
        let migration = std::fs::read_to_string(path).unwrap();
        db.sql.batch_execute(&migration).await.unwrap();
    }
    db
}

/// What Postgres makes of a statement: the types of its parameters and its result, or why it cannot
/// be planned.
async fn reading(sql: &Client, statement: &str) -> String {
    match read(sql, statement).await {
        Ok(reading) => reading,
        Err(error) => {
            let message = error.as_db_error().map(|error| error.message().to_owned());
            format!("fails: {}", message.unwrap_or_else(|| error.to_string()))
        }
    }
}

async fn read(sql: &Client, statement: &str) -> Result<String, tokio_postgres::Error> {
    if statement.starts_with("CREATE TEMPORARY") {
        sql.batch_execute(statement).await?;
        return Ok("done".to_owned());
    }
    if statement.starts_with("COPY") {
        let copy = sql.copy_in::<_, &[u8]>(statement).await?;
        drop(copy);
        return Ok("begins".to_owned());
    }
    let prepared = sql.prepare(statement).await?;
    let columns = prepared.columns().iter();
    let columns: Vec<_> = columns
        .map(|column| format!("{} {}", column.name(), column.type_()))
        .collect();
    // Only a plan finds the index of an `ON CONFLICT`.
    let nulls = vec!["NULL"; prepared.params().len()].join(", ");
    let arguments = if nulls.is_empty() {
        String::new()
    } else {
        format!("({nulls})")
    };
    sql.batch_execute(&format!("PREPARE {NAME} AS {statement}"))
        .await?;
    let planned = sql
        .simple_query(&format!("EXPLAIN EXECUTE {NAME}{arguments}"))
        .await;
    sql.batch_execute(&format!("DEALLOCATE {NAME}")).await?;
    planned?;
    Ok(format!("{:?} -> {columns:?}", prepared.params()))
}

/// Columns that a row of an older program would have to have.
async fn required_columns(db: &Db) -> Vec<String> {
    let required = "
        SELECT table_name || '.' || column_name
        FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = 'api' AND table_type = 'BASE TABLE' AND is_nullable = 'NO'
          AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER'";
    let rows = db.sql.simple_query(required).await.unwrap();
    rows.iter()
        .filter_map(|row| match row {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn every_recorded_version_of_the_program_works_on_with_the_newest_tables() {
    let newest = Db::migrated().await;
    let recorded = recorded();
    assert!(!recorded.is_empty(), "`make statements` records them");
    for (version, statements) in recorded {
        let own = tables_of(version).await;
        for statement in statements {
            let (before, now) = (
                reading(&own.sql, &statement).await,
                reading(&newest.sql, &statement).await,
            );
            assert!(
                !before.starts_with("fails"),
                "V{version}: {before}: {statement}"
            );
            assert_eq!(before, now, "V{version}: {statement}");
        }
        let old = required_columns(&own).await;
        let tables: Vec<_> = old
            .iter()
            .map(|column| column.split('.').next().unwrap())
            .collect();
        for column in required_columns(&newest).await {
            let table = column.split('.').next().unwrap();
            assert!(
                old.contains(&column) || !tables.contains(&table),
                "V{version} does not write {column}, which may not be null and has no default"
            );
        }
    }
}

#[tokio::test]
async fn a_column_that_is_gone_or_has_another_type_is_noticed() {
    let db = Db::migrated().await;
    let statement = "SELECT provider_name, answered_at FROM api.providers WHERE provider_id = $1";
    let before = reading(&db.sql, statement).await;
    assert_eq!(
        before,
        r#"[Int4] -> ["provider_name text", "answered_at timestamptz"]"#
    );
    for (change, now) in [
        (
            "ALTER TABLE api.providers ALTER answered_at TYPE text",
            r#"[Int4] -> ["provider_name text", "answered_at text"]"#,
        ),
        (
            "ALTER TABLE api.providers DROP COLUMN answered_at",
            r#"fails: column "answered_at" does not exist"#,
        ),
    ] {
        db.sql.batch_execute(change).await.unwrap();
        assert_eq!(reading(&db.sql, statement).await, now);
    }
    let upsert = "INSERT INTO api.schedule_status (status_id, description) VALUES ($1, $2)
                  ON CONFLICT (description) DO NOTHING";
    let reading = reading(&db.sql, upsert).await;
    assert!(
        reading.starts_with("fails: there is no unique"),
        "{reading}"
    );
}
