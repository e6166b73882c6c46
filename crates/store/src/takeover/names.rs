//! Names in schema `api` that this program needs and that something else has.

use tokio_postgres::Transaction;

use super::{Obstacle, problems};
use crate::error::{StoreError, failed};
use crate::schedule::get;

/// What a migration makes.
struct Made {
    /// The migration that makes it.
    version: i32,
    name: &'static str,
    /// The columns by which a table of this program is known; none of a view, which is never there
    /// before its migration.
    columns: &'static [&'static str],
}

const fn made(version: i32, name: &'static str, columns: &'static [&'static str]) -> Made {
    Made {
        version,
        name,
        columns,
    }
}

/// What the migrations make besides the tables that the Python tools have too.
const MADE: [Made; 14] = [
    made(
        1,
        "runs",
        &[
            "run_id",
            "stage",
            "request",
            "created_at",
            "planned_at",
            "block_count",
        ],
    ),
    made(
        1,
        "run_blocks",
        &[
            "run_id",
            "schedule_id",
            "step",
            "outcome",
            "error_name",
            "message",
        ],
    ),
    made(
        2,
        "vehicles",
        &[
            "provider_id",
            "device_id",
            "fetched_at",
            "seen_at",
            "record",
        ],
    ),
    made(2, "vehicle_lists", &["provider_id", "fetched_at"]),
    made(
        2,
        "vehicles_wanted",
        &["provider_id", "device_id", "asked_at"],
    ),
    made(
        4,
        "publications",
        &[
            "schedule_id",
            "load_id",
            "publish_key",
            "publish_sha256",
            "since",
        ],
    ),
    made(
        7,
        "trip_reports",
        &["month", "made_at", "filters", "providers"],
    ),
    made(8, "city", &["id", "time_zone"]),
    made(8, "hours", &[]),
    made(8, "days", &[]),
    made(8, "trips_counted", &[]),
    made(8, "flags", &[]),
    made(9, "signs_of_life", &["pid", "seen_at"]),
    made(
        12,
        "audits",
        &[
            "provider_name",
            "audited_at",
            "time_min",
            "time_max",
            "extra",
        ],
    ),
];

const RELATION: &str = "
    SELECT c.relkind::text AS relkind,
           ARRAY(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'api' AND c.relname = $1";

/// What has a name that a migration needs which the database does not have yet.
pub(crate) async fn taken_names(
    transaction: &Transaction<'_>,
    known: &[i32],
) -> Result<Vec<Obstacle>, StoreError> {
    let doing = failed("looking at the tables");
    let mut obstacles = Vec::new();
    for made in MADE.iter().filter(|it| !known.contains(&it.version)) {
        let row = transaction.query_opt(RELATION, &[&made.name]).await;
        let Some(row) = row.map_err(doing)? else {
            continue;
        };
        let (relkind, columns): (String, Vec<String>) =
            (get(&row, "relkind")?, get(&row, "columns")?);
        let has = |name: &&str| columns.iter().any(|it| it == name);
        let is_ours = relkind == "r" && !made.columns.is_empty() && made.columns.iter().all(has);
        if !is_ours {
            let what = "something else has this name, which this program needs".to_owned();
            obstacles.push(renamed(made.name, what, &relkind));
        }
    }
    Ok(obstacles)
}

fn renamed(name: &str, what: String, relkind: &str) -> Obstacle {
    let kind = match relkind {
        "i" | "I" => "INDEX",
        "S" => "SEQUENCE",
        "c" => "TYPE",
        _ => "TABLE",
    };
    let repair = format!("ALTER {kind} api.{name} RENAME TO former_{name};");
    problems::of_table(name, what, repair)
}

const HISTORY: &str = "schema_history";

/// `api.schema_history` if it is not the list of this program's migrations, whose names are given.
pub(crate) async fn foreign_history(
    transaction: &Transaction<'_>,
    migrations: &[(i32, String)],
) -> Result<Option<Obstacle>, StoreError> {
    let doing = failed("reading which migrations are missing");
    let row = transaction.query_opt(RELATION, &[&HISTORY]).await;
    let Some(row) = row.map_err(doing)? else {
        return Ok(None);
    };
    let (relkind, columns): (String, Vec<String>) = (get(&row, "relkind")?, get(&row, "columns")?);
    let has = |name: &str| columns.iter().any(|it| it == name);
    let is_ours = relkind == "r"
        && ["version", "name", "applied_on", "checksum"]
            .into_iter()
            .all(has);
    if !is_ours {
        let what = "this is not the list of this program's migrations".to_owned();
        return Ok(Some(renamed(HISTORY, what, &relkind)));
    }
    let (versions, names): (Vec<String>, Vec<&str>) = migrations
        .iter()
        .map(|(version, name)| (version.to_string(), name.as_str()))
        .unzip();
    let row = transaction
        .query_opt(
            "SELECT h.version::text AS version FROM api.schema_history h
             JOIN unnest($1::text[], $2::text[]) AS known (version, name) ON known.version = h.version::text
             WHERE h.name::text <> known.name ORDER BY h.version LIMIT 1",
            &[&versions, &names],
        )
        .await
        .map_err(doing)?;
    let Some(row) = row else {
        return Ok(None);
    };
    let version: String = get(&row, "version")?;
    let what = format!(
        "this is the list of another program's migrations: its version {version} has another name"
    );
    Ok(Some(renamed(HISTORY, what, &relkind)))
}
