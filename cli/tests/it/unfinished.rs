//! Extracts that are killed between the archive in the bucket and their end: the next run finds
//! what is there, and what is left to request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use sandbox_network::{Disturbance, Exchange};
use sandbox_provider::{Fault, Rates, Times};
use serde_json::{Map, Value, json};
use trips::status::BlockStatus::{Archived, New, Published};
use vault::Seal;

use crate::flat::{WITHOUT_TYPE, flat};
use crate::kill::kill_waiting;
use crate::support::{ONE_HOUR, World, hour, stderr, with, world_of, world_with};

const FOLDER: &str = "bird/2020/1/15/12";
/// Locks the blocks against changes, but not against reads.
const ROWS: &str = "SELECT FROM api.schedule FOR UPDATE";
const LEFT: &str = "SELECT count(*) FROM api.schedule WHERE side_data_since IS NOT NULL";
const WITHOUT_REQUEST: [&str; 2] = ["--force", "--no-extract"];

/// A provider of 2.0, with telemetry.
async fn world() -> World {
    let mut options = flat(|bird| bird.rates = Rates::none());
    let settings = &mut options.provider_settings;
    settings.insert("telemetry".to_owned(), json!(true));
    world_of(options).await
}

impl World {
    /// Kills an extract whose archive is in the bucket, and not in the schedule.
    async fn kill_before_the_record(&self) {
        // Creates the block; there is nothing to load yet.
        self.expect(2, &with(&["sync-db"], &ONE_HOUR[1..])).await;
        kill_waiting(self, &ONE_HOUR, ROWS, "UPDATE api.schedule")
            .await
            .release_after_ending_sessions()
            .await;
        assert!(self.archive_file("bird", "2020/1/15/12").exists());
        assert_eq!(self.statuses().await, [New]);
    }

    /// Kills an extract that has replaced the archive, before the schedule knows of the new one.
    async fn kill_after_the_replacement(&self, args: &[&str]) {
        // The first change of the row, that an archive is replaced, passes; the second one waits.
        let pause = "CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS
                         'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END';
                     CREATE TRIGGER pause BEFORE UPDATE ON api.schedule FOR EACH ROW
                         WHEN (OLD.replacing_since IS NOT NULL) EXECUTE FUNCTION pause()";
        self.database.batch_execute(pause).await.unwrap();
        let lock = "SELECT pg_advisory_xact_lock(1)";
        kill_waiting(self, args, lock, "UPDATE api.schedule")
            .await
            .release_after_ending_sessions()
            .await;
        let no_pause = "DROP FUNCTION pause CASCADE";
        self.database.batch_execute(no_pause).await.unwrap();
        assert_eq!(self.statuses().await, [Archived]);
    }

    /// Kills an extract whose archive is in the schedule, before it requests vehicles.
    async fn kill_before_the_vehicles(&self) {
        let lists = "LOCK TABLE api.vehicle_lists";
        kill_waiting(self, &ONE_HOUR, lists, "FROM api.vehicle_lists")
            .await
            .release_after_ending_sessions()
            .await;
        assert_eq!(self.statuses().await, [Archived]);
        assert_eq!(self.requests_below("/mds/vehicles"), 0);
        assert_eq!(self.number(LEFT).await, 1);
    }

    /// Checks that one plain run requests what is left, and nothing twice.
    async fn expect_whole_after_a_run(&self) {
        self.expect(0, &ONE_HOUR).await;
        assert_eq!(self.statuses().await, [Published]);
        assert_eq!(self.number(WITHOUT_TYPE).await, 0);
        assert_eq!(self.number(LEFT).await, 0);
        assert_eq!(self.requests_below("/mds/trips"), 1);
        self.expect_whole(&["bird"], &["12"]).await;
        let whole = world().await;
        whole.expect(0, &ONE_HOUR).await;
        assert_eq!(self.trips().await, whole.trips().await);
        assert_eq!(self.schedule().await, whole.schedule().await);
        assert_eq!(self.portal(), whole.portal());
        assert_eq!(self.objects().await, whole.objects().await);
        let requests = self.request_count();
        self.expect(0, &ONE_HOUR).await;
        assert_eq!(self.request_count(), requests);
    }

    /// Pretends that the hour was requested so long ago.
    async fn set_age_of_archive(&self, age: TimeDelta) {
        let mut report = self.object(&format!("{FOLDER}/extract.json")).await;
        report["ended_at"] = json!(Utc::now() - age);
        let key = format!("staging/{FOLDER}/extract.json");
        let vault = self.vault().await;
        vault.put_json(&key, &report, Seal::Encrypt).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_records_the_archive_that_nobody_has_recorded() {
    let whole = world_with(&["bird"], Map::new()).await;
    whole.expect(0, &ONE_HOUR).await;
    let world = world_with(&["bird"], Map::new()).await;
    world.kill_before_the_record().await;
    world.expect(0, &with(&ONE_HOUR, &WITHOUT_REQUEST)).await;
    assert_eq!(world.schedule().await, whole.schedule().await);
    assert_eq!(world.trips().await, whole.trips().await);
    // As old as the request, as its report says.
    let report = world.object(&format!("{FOLDER}/extract.json")).await;
    let ended_at: DateTime<Utc> = serde_json::from_value(report["ended_at"].clone()).unwrap();
    let times = "SELECT archived_at, extracted_at FROM api.schedule";
    let times = world.database.query_one(times, &[]).await.unwrap();
    for column in 0..2 {
        let at: DateTime<Utc> = times.get(column);
        assert_eq!(at.timestamp_micros(), ended_at.timestamp_micros());
    }
    // A load of what is recorded changes nothing.
    world.expect(0, &with(&ONE_HOUR, &WITHOUT_REQUEST)).await;
    assert_eq!(world.schedule().await, whole.schedule().await);
    assert_eq!(world.request_count(), 1);
}

/// A database is refilled from years of archives.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_reads_the_archive_that_nobody_has_recorded_once() {
    let world = world().await;
    world.kill_before_the_record().await;
    let reads = [
        ("/trips.json", AtomicU64::new(0)),
        ("/extract.json", AtomicU64::new(0)),
    ];
    let reads = Arc::new(reads);
    let seen = Arc::clone(&reads);
    let count = move |exchange: &Exchange<'_>| {
        for (object, reads) in seen.iter() {
            if exchange.head.starts_with(b"GET ") && exchange.mentions(object) {
                reads.fetch_add(1, Ordering::Relaxed);
            }
        }
        Disturbance::Pass
    };
    let (_link, way) = world.way_to_bucket(count).await;
    let mut load = world.mds(&with(&["sync-db"], &ONE_HOUR[1..]));
    load.envs(way);
    let output = World::output_of(load).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for (object, reads) in reads.iter() {
        assert_eq!(reads.load(Ordering::Relaxed), 1, "{object}");
    }
    assert_eq!(world.number(LEFT).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_killed_records_nothing_of_the_archive() {
    let world = world_with(&["bird"], Map::new()).await;
    world.kill_before_the_record().await;
    let load = with(&ONE_HOUR, &WITHOUT_REQUEST);
    kill_waiting(&world, &load, ROWS, "UPDATE api.schedule")
        .await
        .release_after_ending_sessions()
        .await;
    assert_eq!(world.statuses().await, [New]);
    let recorded = "SELECT count(payload) + count(archived_at) FROM api.schedule";
    assert_eq!(world.number(recorded).await, 0);
    world.expect(0, &load).await;
    assert_eq!(world.number(recorded).await, 2);
    assert_eq!(world.statuses().await, [Published]);
}

#[tokio::test(flavor = "multi_thread")]
async fn vehicles_are_requested_after_a_load_of_an_archive_that_nobody_had_recorded() {
    let world = world().await;
    world.kill_before_the_record().await;
    world.expect(0, &with(&ONE_HOUR, &WITHOUT_REQUEST)).await;
    assert_eq!(world.statuses().await, [Published]);
    // Without extract no provider is requested.
    assert_eq!(world.request_count(), 1);
    assert!(world.number(WITHOUT_TYPE).await > 0);
    world.expect_whole_after_a_run().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vehicles_are_requested_with_the_adoption_of_an_archive_of_a_killed_extract() {
    let world = world().await;
    world.kill_before_the_record().await;
    world.expect_whole_after_a_run().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vehicles_are_requested_by_the_next_run_if_an_extract_is_killed_before_them() {
    let world = world().await;
    world.kill_before_the_vehicles().await;
    world.expect_whole_after_a_run().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vehicles_are_requested_of_a_block_that_is_published_meanwhile() {
    let world = world().await;
    world.kill_before_the_vehicles().await;
    world.expect(0, &with(&ONE_HOUR, &WITHOUT_REQUEST)).await;
    assert_eq!(world.statuses().await, [Published]);
    // The sweep finds it, too.
    world
        .expect(0, &with(&ONE_HOUR, &["--incomplete-only"]))
        .await;
    world.expect_whole_after_a_run().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vehicles_that_no_provider_tells_are_requested_once_and_cost_no_block() {
    let world = world().await;
    world.kill_before_the_vehicles().await;
    let address = world.stack.providers["bird"].log().total();
    let mut former = Value::Null;
    world
        .edit_providers(|providers| {
            let address = &mut providers["bird"]["mds_api_url"];
            former = address.clone();
            *address = json!("http://127.0.0.1:9/mds");
        })
        .await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(world.number(LEFT).await, 0);
    assert!(world.number(WITHOUT_TYPE).await > 0);
    assert_eq!(world.request_count(), address);
    // Its devices are not forgotten: they come with the list of a later block.
    let wanted = "SELECT count(*) FROM api.vehicles_wanted";
    assert!(world.number(wanted).await > 0);
    world
        .edit_providers(|providers| providers["bird"]["mds_api_url"] = former)
        .await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.request_count(), address);
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_of_former_times_send_no_request() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let requests = world.request_count();
    let report = world
        .archive_file("bird", "2020/1/15/12")
        .with_file_name("extract.json");
    for has_report in [true, false] {
        if has_report {
            world.set_age_of_archive(TimeDelta::days(8)).await;
        } else {
            // The tools before this one wrote none.
            std::fs::remove_file(&report).unwrap();
        }
        for by_extract in [true, false] {
            let tables = "TRUNCATE api.schedule, api.trips, api.devices, api.runs, api.run_blocks, api.providers,
                          api.vehicles, api.vehicle_lists, api.vehicles_wanted CASCADE";
            world.database.batch_execute(tables).await.unwrap();
            let more = if by_extract {
                &[][..]
            } else {
                &WITHOUT_REQUEST
            };
            world.expect(0, &with(&ONE_HOUR, more)).await;
            world.expect(0, &ONE_HOUR).await;
            assert_eq!(world.statuses().await, [Published]);
            assert_eq!(world.number(LEFT).await, 0);
            assert_eq!(world.request_count(), requests, "{has_report} {by_extract}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_of_an_archive_that_has_replaced_another_one_withdraws_what_is_gone() {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &ONE_HOUR).await;
    let all = world
        .number("SELECT count(*) FROM api.trips WHERE withdrawn_at IS NULL")
        .await;
    let provider = &world.stack.providers["bird"];
    provider.fail_hour(
        hour("2020-01-15-12"),
        Fault::Partial { trips: 5 },
        Times::Always,
    );
    let again = with(&ONE_HOUR, &["--force", "--accept-losses"]);
    world.kill_after_the_replacement(&again).await;
    let archive = world.object(&format!("{FOLDER}/trips.json")).await;
    assert_eq!(archive["data"]["trips"].as_array().unwrap().len(), 5);

    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    let whole = world_with(&["bird"], Map::new()).await;
    whole.expect(0, &ONE_HOUR).await;
    whole.stack.providers["bird"].fail_hour(
        hour("2020-01-15-12"),
        Fault::Partial { trips: 5 },
        Times::Always,
    );
    whole.expect(0, &again).await;
    assert_eq!(world.trips().await, whole.trips().await);
    assert_eq!(world.schedule().await, whole.schedule().await);
    assert_eq!(world.portal(), whole.portal());
    assert!(world.portal().len() < usize::try_from(all).unwrap());
    let changes = "SELECT concat_ws(' ', trips_new, trips_changed, trips_gone) FROM api.schedule";
    assert_eq!(world.text(changes).await, whole.text(changes).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_that_came_late_with_an_archive_that_nobody_has_recorded_are_counted() {
    let force = with(&ONE_HOUR, &["--force"]);
    // By a load, by the same answer again, and by another one.
    for (next, fault) in [
        (&ONE_HOUR[..], None),
        (&force[..], None),
        (&force[..], Some(Fault::Revised)),
    ] {
        let world = world_with(&["bird"], Map::new()).await;
        let provider = &world.stack.providers["bird"];
        let few = Fault::Partial { trips: 5 };
        provider.fail_hour(hour("2020-01-15-12"), few, Times::Next(1));
        world.expect(0, &ONE_HOUR).await;
        world.kill_after_the_replacement(&force).await;
        let report = world.object(&format!("{FOLDER}/extract.json")).await;
        let late = report["changes"]["new"].as_i64().unwrap();
        assert!(late > 0);
        if let Some(fault) = fault {
            provider.fail_hour(hour("2020-01-15-12"), fault, Times::Next(1));
        }
        world.expect(0, next).await;
        world.expect(0, &ONE_HOUR).await;
        let counted = "SELECT trips_late FROM api.schedule";
        assert_eq!(world.number(counted).await, late, "{next:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_was_about_to_be_replaced_is_as_old_as_before() {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &ONE_HOUR).await;
    let archived = "SELECT archived_at::text FROM api.schedule";
    let (before, trips) = (world.text(archived).await, world.modified().await);
    // As if a process had been killed between its report and its archive.
    let mut report = world.object(&format!("{FOLDER}/extract.json")).await;
    report["former_sha256"] = report["sha256"].take();
    report["sha256"] = json!("ab".repeat(32));
    let vault = world.vault().await;
    let key = format!("staging/{FOLDER}/extract.json");
    vault.put_json(&key, &report, Seal::Encrypt).await.unwrap();
    let replacing = "UPDATE api.schedule SET status_id = 2, replacing_since = now()";
    world.database.batch_execute(replacing).await.unwrap();
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(world.text(archived).await, before);
    assert_eq!(world.modified().await, trips);
}
