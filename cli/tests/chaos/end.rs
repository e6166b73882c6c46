//! What is left after an attack, compared with the end of a run that was never disturbed. The
//! attacks of `cli/tests/e2e` on the state machine use it too.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::sleep;

use crate::feed::Feed;
use crate::support::{World, world_of};

/// What a run leaves behind.
#[derive(PartialEq)]
struct End {
    trips: String,
    schedule: String,
    portal: BTreeMap<String, Value>,
    objects: BTreeMap<String, Value>,
    /// What the portal must still receive, or has refused.
    ledger: String,
}

const LEDGER: &str = "
    SELECT coalesce(string_agg(concat_ws(' ', p.provider_name, s.block_start, l.rows, l.since IS NULL, l.last_sent IS NULL,
               l.error_name), ',' ORDER BY p.provider_name, s.block_start), '')
    FROM api.publications l JOIN api.schedule s USING (schedule_id) JOIN api.providers p USING (provider_id)";

/// Lets the next hour come. What a provider says about its vehicles is requested at most once an
/// hour, so what a fault kept back arrives then.
async fn settle(world: &World, feed: Feed) -> Result<(), String> {
    if feed != Feed::Vehicles {
        return Ok(());
    }
    let an_hour_later = "UPDATE api.vehicle_lists SET fetched_at = fetched_at - interval '2 hours'";
    world.database.batch_execute(an_hour_later).await.unwrap();
    let range = feed.range();
    let again: Vec<&str> = range.iter().map(String::as_str).collect();
    for args in [
        &["run", "--provider", "all", "--time-max", "2020-01-15-20"][..],
        &[&["run", "--incomplete-only"], &again[..]].concat(),
    ] {
        let run = world.output(args).await;
        if run.status.code() != Some(0) {
            let said = String::from_utf8_lossy(&run.stderr);
            return Err(format!("mds {}: {}\n{said}", args.join(" "), run.status));
        }
    }
    Ok(())
}

/// Checks that everything is as if nothing had happened.
pub(crate) async fn check(world: &World, feed: Feed, temporary: &Path) -> Result<(), String> {
    settle(world, feed).await?;
    let (end, expected) = (end(world).await, undisturbed(feed).await);
    let different = [
        ("trips", end.trips == expected.trips),
        ("schedule", end.schedule == expected.schedule),
        ("portal", end.portal == expected.portal),
        ("objects", end.objects == expected.objects),
        ("ledger", end.ledger == expected.ledger),
    ];
    for (what, is_equal) in different {
        if !is_equal {
            return Err(format!("{what} differ: {}", difference(&end, expected)));
        }
    }
    let audit = world.output(&["audit", "--month", "2020-01"]).await;
    if audit.status.code() != Some(0) {
        return Err(format!(
            "the audit says {}",
            String::from_utf8_lossy(&audit.stdout)
        ));
    }
    check_leftovers(world, temporary).await
}

async fn check_leftovers(world: &World, temporary: &Path) -> Result<(), String> {
    let locks = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                 WHERE d.datname = current_database() AND l.locktype = 'advisory'";
    // A server notices the end of a killed client a moment later.
    for _ in 0..100 {
        if world.number(locks).await == 0 {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    if world.number(locks).await > 0 {
        return Err("locks are left".to_owned());
    }
    let parts = files(world.stack.s3.folder(), ".part-");
    if !parts.is_empty() {
        return Err(format!("unfinished uploads are left: {parts:?}"));
    }
    let files = files(temporary, "");
    if !files.is_empty() {
        return Err(format!("temporary files are left: {files:?}"));
    }
    Ok(())
}

fn files(folder: &Path, part: &str) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains(part)).collect()
}

async fn end(world: &World) -> End {
    let mut objects = world.objects().await;
    // Copies of former answers: how many there are depends on what was asked for again.
    objects.retain(|key, _| !is_copy(key));
    for (key, object) in &mut objects {
        if let (true, Value::Object(report)) = (key.ends_with("/extract.json"), object) {
            // What went wrong with vehicles when the hour was asked for.
            report.remove("problems");
            // The name of such a copy.
            report.remove("former_key");
        }
    }
    End {
        trips: world.trips().await,
        schedule: world.schedule().await,
        portal: world.portal(),
        objects,
        ledger: world.text(LEDGER).await,
    }
}

/// Whether a key is that of a former answer, `trips.{time}.json`.
fn is_copy(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    name.matches('.').count() == 2
}

async fn undisturbed(feed: Feed) -> &'static End {
    static ENDS: [OnceCell<End>; 3] = [const { OnceCell::const_new() }; 3];
    ENDS[feed as usize]
        .get_or_init(async || {
            let world = world_of(feed.options()).await;
            let range = feed.range();
            let args: Vec<&str> = ["run"]
                .into_iter()
                .chain(range.iter().map(String::as_str))
                .collect();
            world.expect(0, &args).await;
            settle(&world, feed).await.unwrap();
            end(&world).await
        })
        .await
}

fn difference(end: &End, expected: &End) -> String {
    let objects = differing(&end.objects, &expected.objects);
    let rows = differing(&end.portal, &expected.portal);
    let schedule = if end.schedule == expected.schedule {
        String::new()
    } else {
        format!("\n{}\n  instead of\n{}", end.schedule, expected.schedule)
    };
    let ledger = if end.ledger == expected.ledger {
        String::new()
    } else {
        format!("\n{}\n  instead of\n{}", end.ledger, expected.ledger)
    };
    let trips = if end.trips == expected.trips {
        ""
    } else {
        "; trips"
    };
    format!("objects {objects:?}; rows of the portal {rows:?}{trips}{schedule}{ledger}")
}

fn differing(one: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>) -> Vec<String> {
    let keys = one.keys().chain(other.keys());
    let mut keys: Vec<String> = keys
        .filter(|key| one.get(*key) != other.get(*key))
        .map(|key| match (one.get(key), other.get(key)) {
            (Some(Value::Object(a)), Some(Value::Object(b))) => {
                let members = a.keys().chain(b.keys()).filter(|m| a.get(*m) != b.get(*m));
                format!("{key}: {:?}", members.collect::<Vec<_>>())
            }
            (a, _) => format!(
                "{key} {}",
                if a.is_some() { "differs" } else { "is missing" }
            ),
        })
        .collect();
    keys.sort();
    keys.dedup();
    keys
}
