//! The drill of docs/RUNBOOK.md, "Restore the database", with the commands that stand there.

use std::collections::BTreeMap;
use std::process::Command;

use sandbox_provider::{Fault, MdsVersion, Times};
use serde_json::Value;

use crate::runbook::commands;
use crate::support::{World, hour, options, run, stderr, stdout, with, world_of};

const HOURS: [&str; 7] = run("all", "2020-01-15-10", "2020-01-15-16");
const NEXT: [&str; 7] = run("wheels", "2020-01-15-16", "2020-01-15-17");
const REPLACED: [&str; 7] = run("bird", "2020-01-15-11", "2020-01-15-12");

/// Every trip that counts, with all columns but those that say when and by which load its row was
/// written.
const ROWS: &str = "SELECT to_jsonb(t) - ARRAY['modified_date', 'schedule_id'] FROM api.trips t
                    WHERE withdrawn_at IS NULL ORDER BY provider_id, trip_id";
const DEVICES: &str = "SELECT to_jsonb(d) FROM api.devices d
                       WHERE EXISTS (SELECT FROM api.trips t WHERE withdrawn_at IS NULL
                                     AND (t.provider_id, t.device_id) = (d.provider_id, d.device_id)) ORDER BY id";

/// What readers of the database, the bucket and the portal see.
#[derive(Clone)]
struct Content {
    rows: Vec<Value>,
    devices: Vec<Value>,
    schedule: String,
    portal: BTreeMap<String, Value>,
    objects: BTreeMap<String, Value>,
}

impl Content {
    async fn of(world: &World) -> Self {
        let portal = world.portal();
        assert_eq!(
            world.stack.portal.row_count(),
            portal.len(),
            "no row is doubled"
        );
        Self {
            rows: world.values(ROWS).await,
            devices: world.values(DEVICES).await,
            schedule: world.schedule().await,
            portal,
            objects: world.objects().await,
        }
    }

    /// Without what MDS 2.0 says about vehicles, which no archive has.
    fn without_vehicles(mut self) -> Self {
        let rows = self.rows.iter_mut().chain(self.portal.values_mut());
        let objects = self.objects.values_mut();
        let published = objects.filter_map(Value::as_array_mut).flatten();
        for row in rows.chain(published) {
            for member in ["vehicle_type", "vehicle_id", "propulsion_type"] {
                row.as_object_mut().unwrap().remove(member);
            }
        }
        self
    }

    fn assert_equals(&self, other: &Self) {
        assert_eq!(self.schedule, other.schedule);
        assert_eq!(self.rows.len(), other.rows.len());
        for (row, other) in self.rows.iter().zip(&other.rows) {
            assert_eq!(row, other);
        }
        assert_eq!(self.devices, other.devices);
        assert_eq!(self.portal, other.portal);
        assert_eq!(self.objects, other.objects);
    }
}

impl World {
    async fn values(&self, query: &str) -> Vec<Value> {
        let rows = self.database.query(query, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Requests for trips. The vehicles of 2.0 are another matter.
    fn requests_for_trips(&self) -> usize {
        let providers = self.stack.providers.values();
        let requests = providers.flat_map(|provider| provider.log().requests());
        requests.filter(|it| !it.path.contains("vehicles")).count()
    }

    /// Runs the page's commands in a shell, and expects success of each.
    async fn follow(&self, section: &str) -> String {
        let mut shell = Command::new("bash");
        let mds = assert_cmd::cargo::cargo_bin!("mds").parent().unwrap();
        let path = format!("{}:{}", mds.display(), std::env::var("PATH").unwrap());
        shell
            .args(["-euo", "pipefail", "-c", &commands(section)])
            .env_clear()
            .envs(&self.stack.env)
            .env("PATH", path);
        let output = Self::output_of(shell).await;
        assert!(
            output.status.success(),
            "{}\n{}",
            stdout(&output),
            stderr(&output)
        );
        stdout(&output)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_database_comes_back_from_the_archives_without_a_request_for_trips() {
    let mut options = options(&["bird", "lime", "wheels"]);
    options.providers.get_mut("lime").unwrap().version = MdsVersion::V0_4;
    options.providers.get_mut("wheels").unwrap().version = MdsVersion::V2_0;
    let world = world_of(options).await;
    let empty = Fault::Partial { trips: 0 };
    world.stack.providers["lime"].fail_hour(hour("2020-01-15-13"), empty, Times::Always);
    world.expect(0, &HOURS).await;
    // One hour has a second archive, which lacks trips of the first: they are withdrawn.
    let fewer = Fault::Partial { trips: 20 };
    world.stack.providers["bird"].fail_hour(hour("2020-01-15-11"), fewer, Times::Always);
    world
        .expect(0, &with(&REPLACED, &["--force", "--accept-losses"]))
        .await;
    let withdrawn = "SELECT count(*) FROM api.trips WHERE withdrawn_at IS NOT NULL";
    assert!(world.number(withdrawn).await > 0);

    let before = Content::of(&world).await;
    assert!(
        before
            .rows
            .iter()
            .any(|row| row["vehicle_id"] != Value::Null)
    );
    let requests = world.requests_for_trips();
    let drop = world.database.batch_execute("DROP SCHEMA api CASCADE");
    drop.await.unwrap();

    world.follow("Restore the database").await;
    assert_eq!(
        world.requests_for_trips(),
        requests,
        "no provider is requested for trips"
    );
    let restored = Content::of(&world).await.without_vehicles();
    restored.assert_equals(&before.clone().without_vehicles());

    // The next hour requests the vehicles of 2.0; the same command again completes the trips.
    world.expect(0, &NEXT).await;
    world.follow("Restore the database").await;
    let rows = world.values(ROWS).await;
    let unknown = rows
        .iter()
        .filter(|row| row["vehicle_type"] == Value::Null)
        .count();
    assert_eq!(
        unknown,
        before
            .rows
            .iter()
            .filter(|row| row["vehicle_type"] == Value::Null)
            .count()
    );
}
