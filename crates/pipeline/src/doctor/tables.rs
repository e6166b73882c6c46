//! The database: the connection, the rights of the login, the tables.

use std::time::Duration;

use chrono::Utc;
use config::{Config, Environment, Scope};
use store::{Store, StoreError};
use trips::words::counted;

use super::report::{Check, Verdict, timed};
use crate::database::open_store;
use crate::migration::{HOW_TO_MOVE_IN, OTHER_TABLES, missing_migrations};

const EDIT: &str = "mds config edit settings";
const EDIT_OWNER: &str =
    "correct MIGRATION_DATABASE_URL or MIGRATION_DATABASE_SECRET (mds config edit settings)";
const GRANTS: &str = "apply infra/grants.sql as the owner of the tables: psql \"$OWNER_URL\" --set ON_ERROR_STOP=1 --file \
     infra/grants.sql";
const CONNECTIONS: usize = 2;

/// Connects as a step does, and looks at what a step needs.
pub(super) async fn check(env: Environment, limit: Duration) -> Vec<Check> {
    let mut opened = None;
    let database = timed("database", None, limit, async {
        match Box::pin(connect(env)).await {
            Ok((verdict, config, store)) => {
                opened = Some((config, store));
                verdict
            }
            Err(verdict) => verdict,
        }
    })
    .await;
    let Some((config, store)) = opened else {
        let why = "the database cannot be used";
        return vec![
            database,
            Check::at_once("rights", Verdict::not_tried(why)),
            Check::at_once("trial rows", Verdict::not_tried(why)),
            Check::at_once("migrations", Verdict::not_tried(why)),
        ];
    };
    let database = database.about(store.address());
    let (rights, trial, migrations) = futures::join!(
        timed("rights", None, limit, rights(&store)),
        timed("trial rows", None, limit, trial(&store)),
        timed("migrations", None, limit, migrations(&config, &store)),
    );
    store.close_idle().await;
    vec![database, rights, trial, migrations]
}

async fn connect(env: Environment) -> Result<(Verdict, Config, Store), Verdict> {
    // The scope without providers: their file may be missing.
    let config = config::load_for(env, Scope::Migrate, None)
        .await
        .map_err(|error| Verdict::broken(error.to_string(), EDIT))?;
    let store = Box::pin(open_store(&config, CONNECTIONS))
        .await
        .map_err(|error| Verdict::broken(error.message, EDIT))?;
    let server = store
        .server_info()
        .await
        .map_err(|error| unusable(&error))?;
    let is_encrypted = if server.is_encrypted {
        "with TLS"
    } else {
        "without TLS, which only a server on this machine may be"
    };
    let off = (Utc::now() - server.now).num_seconds();
    let shown = format!(
        "Postgres {} as {} in {}, {is_encrypted}",
        server.version, server.user, server.database
    );
    let verdict = if off.abs() >= 60 {
        Verdict::warning(
            format!(
                "{shown}; its clock is {} s {} this machine's",
                off.abs(),
                if off > 0 { "behind" } else { "ahead of" }
            ),
            "set the clock that is wrong",
        )
    } else {
        Verdict::ok(shown)
    };
    Ok((verdict, config, store))
}

fn unusable(error: &StoreError) -> Verdict {
    let (finding, remedy) = explained(error);
    Verdict::broken(finding, remedy)
}

/// What an error says, and what to do about it.
fn explained(error: &StoreError) -> (String, &'static str) {
    let message = error.to_string();
    if let StoreError::Unavailable(failure) = error
        && let Some(way_out) = failure.way_out()
    {
        let finding = message.trim_end_matches(way_out).trim_end_matches("; ");
        return (finding.to_owned(), way_out);
    }
    let remedy = match error {
        StoreError::Unavailable(_) => {
            "start the server, open its firewall or security group to this machine, or correct DATABASE_URL \
             (mds config edit settings)"
        }
        StoreError::Refused(_) | StoreError::LoginSecret { .. } => {
            "correct user, password or database of DATABASE_URL (mds config edit settings) or of the secret that \
             DATABASE_SECRET names"
        }
        StoreError::LacksRight(_) => GRANTS,
        StoreError::NotMigrated(_) => "mds migrate",
        StoreError::ReadOnly => {
            "ALTER ROLE … SET default_transaction_read_only = off, or use another role"
        }
        StoreError::SharedSession => {
            "lead DATABASE_URL to the database itself or to a pooler in session mode (mds config edit settings)"
        }
        _ => EDIT,
    };
    (message, remedy)
}

async fn rights(store: &Store) -> Verdict {
    match store.missing_rights().await {
        Ok(missing) if missing.is_empty() => {
            Verdict::ok("the login may read and write what a run needs")
        }
        Ok(missing) => {
            const SHOWN: usize = 4;
            let more = missing.len().saturating_sub(SHOWN);
            let mut shown = missing[..missing.len() - more].join(", ");
            if more > 0 {
                shown = format!("{shown} and {more} more");
            }
            Verdict::broken(format!("the login lacks {shown}"), GRANTS)
        }
        Err(error) => Verdict::broken(error.to_string(), GRANTS),
    }
}

/// Whether the database takes rows: one that is full can still be read.
async fn trial(store: &Store) -> Verdict {
    match store.try_rows().await {
        Ok(()) => Verdict::ok("rows were written and rolled back"),
        // The rights name it.
        Err(StoreError::LacksRight(_)) => {
            Verdict::not_tried("the login may not create temporary tables")
        }
        Err(error) => unusable(&error),
    }
}

/// Asks as the login for migrations, if the settings have one, since the other may not be allowed
/// to read which are applied. What a run finds by its own login counts in any case.
async fn migrations(config: &Config, store: &Store) -> Verdict {
    let of_a_run = store.check_migrated().await;
    match Box::pin(missing_migrations(config)).await {
        Ok(missing) if missing.is_empty() => match of_a_run {
            Ok(()) => version(config, store).await,
            Err(error) => Verdict::broken(
                format!(
                    "{error}, although the login for migrations finds nothing to do: it leads to another database"
                ),
                EDIT_OWNER,
            ),
        },
        Ok(missing) if !missing.is_empty() && store.has_other_tables().await.unwrap_or(false) => {
            Verdict::broken(OTHER_TABLES, HOW_TO_MOVE_IN)
        }
        Ok(missing) if missing.iter().any(|it| it.starts_with("V1__")) => {
            Verdict::broken("there are no tables yet", "mds migrate")
        }
        Ok(missing) => Verdict::broken(format!("missing: {}", missing.join(", ")), "mds migrate"),
        Err(error) => match of_a_run {
            Err(of_a_run) => Verdict::broken(of_a_run.to_string(), "mds migrate"),
            Ok(()) => version(config, store).await.unless_ok(|| {
                Verdict::warning(
                    format!(
                        "which are applied cannot be read, so `mds migrate` fails: {}",
                        error.message
                    ),
                    EDIT_OWNER,
                )
            }),
        },
    }
}

/// What else may be wrong with tables that have every migration.
async fn version(config: &Config, store: &Store) -> Verdict {
    let version = format!("the tables have version {}", Store::newest_version());
    let found = [
        (
            "the time zone of the archives",
            other_zone(config, store).await,
        ),
        ("the public ids", shown_ids(&version, store).await),
        (
            "the stages of the runs",
            other_stage(&version, config, store).await,
        ),
    ];
    let mut unseen = None;
    for (what, found) in found {
        match found {
            Ok(None) => {}
            Ok(Some(verdict)) => return verdict,
            Err(error) => unseen = unseen.or(Some((what, error))),
        }
    }
    let Some((what, error)) = unseen else {
        return Verdict::ok(version);
    };
    let (why, remedy) = explained(&error);
    Verdict::warning(
        format!("{version}; {what} could not be checked: {why}"),
        remedy,
    )
}

async fn other_zone(config: &Config, store: &Store) -> Result<Option<Verdict>, StoreError> {
    match store.check_time_zone(&config.settings.time_zone).await {
        Err(error @ StoreError::OtherZone { .. }) => {
            Ok(Some(Verdict::broken(error.to_string(), EDIT)))
        }
        checked => checked.map(|()| None),
    }
}

async fn shown_ids(version: &str, store: &Store) -> Result<Option<Verdict>, StoreError> {
    let (devices, trips) = store.count_shown_ids().await?;
    Ok((devices + trips > 0).then(|| {
        Verdict::broken(
            format!(
                "{version}; {} and {} of the newest 100,000 have an id of the provider for their public id, so their \
                 rows are not published",
                counted(devices, "device"),
                counted(trips, "trip")
            ),
            store::NEW_PUBLIC_IDS,
        )
    }))
}

/// The tables know no stages, so a second one takes the hours of the first for its own.
async fn other_stage(
    version: &str,
    config: &Config,
    store: &Store,
) -> Result<Option<Verdict>, StoreError> {
    let stage = config.env.stage.as_str();
    let mut stages = store.stages_of_runs().await?.into_iter();
    Ok(stages.find(|other| other != stage).map(|other| {
        Verdict::warning(
            format!(
                "{version}; runs of the stage {other} have used them, too, and each stage takes the other's hours \
                 for its own"
            ),
            "give each stage a database of its own (mds config edit settings)",
        )
    }))
}
