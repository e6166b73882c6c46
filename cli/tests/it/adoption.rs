//! Archives that the bucket has and the database does not know of.

use chrono::{DateTime, Utc};
use rstest::rstest;
use sandbox_provider::{Fault, Times};
use serde_json::{Map, Value, json};
use trips::status::BlockStatus::{ExtractFailed, New, NoTrips, Published};
use vault::Seal;

use crate::support::{ONE_HOUR, World, hour, run, stderr, stdout, with, world, world_with};

const HOURS: [&str; 7] = run("all", "2020-01-15-12", "2020-01-15-15");
const FOLDER: &str = "bird/2020/1/15/12";
const EXTRACT_ONLY: [&str; 2] = ["--no-sync-db", "--no-sync-socrata"];

impl World {
    /// Empties every table that a new database does not fill.
    async fn forget_everything(&self) {
        let tables = "TRUNCATE api.schedule, api.trips, api.devices, api.runs, api.run_blocks, api.providers CASCADE";
        self.database.batch_execute(tables).await.unwrap();
    }

    /// Sets the hour at noon back to what an older copy of the database has of it: a status, and
    /// nothing of its archive.
    async fn forget_archive(&self, status: i32) {
        self.expect(0, &with(&ONE_HOUR, &EXTRACT_ONLY)).await;
        let reset = format!(
            "UPDATE api.schedule SET status_id = {status}, payload = NULL, payload_trips_count = NULL,
                    extracted_at = NULL, archived_at = NULL"
        );
        self.database.batch_execute(&reset).await.unwrap();
    }

    /// Sends every request to an address where nobody listens.
    async fn disconnect_providers(&self) {
        self.edit_providers(|providers| {
            for entry in providers.as_object_mut().unwrap().values_mut() {
                entry["mds_api_url"] = json!("http://127.0.0.1:9/mds");
            }
        })
        .await;
    }

    /// The keys of the archives of the hour at noon, with their numbers of trips.
    async fn archives_at_noon(&self) -> Vec<(String, usize)> {
        let mut archives = Vec::new();
        for (key, value) in self.objects().await {
            if key.contains(&format!("{FOLDER}/trips.")) {
                archives.push((key, value["data"]["trips"].as_array().unwrap().len()));
            }
        }
        archives
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_is_filled_from_the_archives_without_a_provider() {
    let world = world().await;
    let empty = Fault::Partial { trips: 0 };
    world.stack.providers["lime"].fail_hour(hour("2020-01-15-13"), empty, Times::Always);
    world.expect(0, &HOURS).await;
    let (trips, schedule, statuses) = (
        world.trips().await,
        world.schedule().await,
        world.statuses().await,
    );
    assert!(statuses.contains(&NoTrips) && statuses.contains(&Published));
    let (objects, portal) = (world.objects().await, world.portal());

    world.forget_everything().await;
    world.disconnect_providers().await;
    world.expect(0, &HOURS).await;
    assert_eq!(world.trips().await, trips);
    assert_eq!(world.schedule().await, schedule);
    assert_eq!(world.statuses().await, statuses);
    assert_eq!((world.objects().await, world.portal()), (objects, portal));
    let report = world.object(&format!("{FOLDER}/extract.json")).await;
    let ended_at: DateTime<Utc> = serde_json::from_value(report["ended_at"].clone()).unwrap();
    let times = world
        .database
        .query_one(
            "SELECT archived_at, extracted_at FROM api.schedule WHERE payload LIKE '%' || $1 || '%'",
            &[&FOLDER],
        )
        .await
        .unwrap();
    let whole = |at: DateTime<Utc>| at.timestamp_micros();
    assert_eq!(
        [
            times.get::<_, DateTime<Utc>>(0),
            times.get::<_, DateTime<Utc>>(1)
        ]
        .map(whole),
        [whole(ended_at); 2]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_without_a_report_is_as_old_as_its_object() {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &ONE_HOUR).await;
    let report = world.archive_file("bird", "2020/1/15/12");
    std::fs::remove_file(report.with_file_name("extract.json")).unwrap();
    world.forget_everything().await;
    world.disconnect_providers().await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    let is_recent = "SELECT count(*) FROM api.schedule WHERE archived_at BETWEEN now() - interval '10 minutes' AND now()";
    assert_eq!(world.number(is_recent).await, 1);
}

#[rstest]
#[case::without_extract(&["--no-extract"], true)]
#[case::with_its_report(&[], true)]
#[case::without_a_report(&[], false)]
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_archive_is_loaded_where_a_run_has_missed_it(
    #[case] flags: &[&str],
    #[case] has_report: bool,
) {
    let world = world_with(&["bird"], Map::new()).await;
    let archive = world.archive_file("bird", "2020/1/15/12");
    world.expect(0, &with(&ONE_HOUR, &["--no-sync-db"])).await;
    let archived_at = "SELECT archived_at::text FROM api.schedule";
    let requested = world.text(archived_at).await;
    let bytes = std::fs::read(&archive).unwrap();
    std::fs::remove_file(&archive).unwrap();
    world.expect(1, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [ExtractFailed]);

    std::fs::write(&archive, bytes).unwrap();
    if !has_report {
        std::fs::remove_file(archive.with_file_name("extract.json")).unwrap();
    }
    let requests = world.request_count();
    world.expect(0, &with(&ONE_HOUR, flags)).await;
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(world.request_count(), requests);
    assert_eq!(world.text(archived_at).await, requested);
    world.expect_whole(&["bird"], &["12"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_no_key_opens_is_kept_until_the_key_is_there() {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &ONE_HOUR).await;
    let file = world.archive_file("bird", "2020/1/15/12");
    let whole = std::fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] = if damaged[middle] == b'A' { b'B' } else { b'A' };
    std::fs::write(&file, &damaged).unwrap();
    world.forget_everything().await;
    let requests = world.request_count();
    for _ in 0..2 {
        let output = world.expect(1, &ONE_HOUR).await;
        let message = world.text("SELECT message FROM api.schedule").await;
        assert!(
            message.starts_with("ArchiveUnreadable: ")
                && message.contains("ATD_MDS_FERNET_KEY")
                && message.contains("the archive is kept")
                && message.contains("--force"),
            "{message}\n{}",
            stderr(&output)
        );
        assert_eq!(world.statuses().await, [New]);
    }
    assert_eq!(std::fs::read(&file).unwrap(), damaged);
    assert_eq!(world.request_count(), requests);

    std::fs::write(&file, whole).unwrap();
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(world.request_count(), requests);
}

/// The provider no longer has the hour, as far as it says, and the archive is the only copy.
#[rstest]
#[case::new(0)]
#[case::failed(-2)]
#[case::not_published_yet(1)]
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_the_schedule_does_not_know_of_is_taken_over(#[case] status: i32) {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &ONE_HOUR).await;
    let trips = world.trips().await;
    world.forget_everything().await;
    world.forget_archive(status).await;
    world.stack.providers["bird"].fail_hour(
        hour("2020-01-15-12"),
        Fault::Partial { trips: 0 },
        Times::Always,
    );

    let forced = with(&ONE_HOUR, &["--force"]);
    let output = world.expect(1, &forced).await;
    assert!(
        stderr(&output).contains("ProviderLostTrips"),
        "{}",
        stderr(&output)
    );
    assert_eq!(
        world
            .number("SELECT status_id::bigint FROM api.schedule")
            .await,
        i64::from(status)
    );

    let requests = world.request_count();
    world
        .expect(0, &with(&ONE_HOUR, &["--incomplete-only"]))
        .await;
    assert_eq!(world.request_count(), requests);
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(world.trips().await, trips);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_the_schedule_does_not_know_of_is_copied_before_it_is_replaced() {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &ONE_HOUR).await;
    let before = world.archives_at_noon().await;
    let [(key, all)] = before.as_slice() else {
        panic!("{before:?}");
    };
    for (status, left) in [(0, 7), (-2, 6), (1, 5)] {
        world.forget_everything().await;
        world.forget_archive(status).await;
        let fewer = Fault::Partial { trips: left };
        world.stack.providers["bird"].fail_hour(hour("2020-01-15-12"), fewer, Times::Next(1));
        let flags = [&EXTRACT_ONLY[..], &["--force", "--accept-losses"]].concat();
        world.expect(0, &with(&ONE_HOUR, &flags)).await;
        let after = world.archives_at_noon().await;
        let replaced = after.iter().find(|(found, _)| found == key).unwrap();
        assert_eq!(replaced.1, left, "{status}: {after:?}");
        assert!(
            after
                .iter()
                .any(|(found, trips)| found != key && trips == all)
        );
    }
    // Three were replaced, each within the same second perhaps.
    let archives = world.archives_at_noon().await;
    let mut trips: Vec<usize> = archives.iter().map(|(_, trips)| *trips).collect();
    trips.sort_unstable();
    assert_eq!(trips, [5, 6, 7, *all]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_another_block_is_refused() {
    let world = world().await;
    world.expect(0, &HOURS).await;
    let of_noon = world.archive_file("bird", "2020/1/15/12");
    let of_one = world.archive_file("bird", "2020/1/15/13");
    std::fs::copy(
        of_one.with_file_name("extract.json"),
        of_noon.with_file_name("extract.json"),
    )
    .unwrap();
    world.forget_everything().await;
    world.disconnect_providers().await;
    world.expect(1, &ONE_HOUR).await;
    let message = world.text("SELECT message FROM api.schedule").await;
    assert!(message.starts_with("ArchiveUnreadable: "), "{message}");
    assert_eq!(world.statuses().await, [New]);
    let untouched: Value = world.object(&format!("{FOLDER}/trips.json")).await;
    assert!(!untouched["data"]["trips"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_tells_of_an_error_beside_the_trips_of_an_archive() {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &ONE_HOUR).await;
    let key = format!("{FOLDER}/extract.json");
    let mut report = world.object(&key).await;
    report["names_error"] = json!(true);
    let vault = world.vault().await;
    vault
        .put_json(&format!("staging/{key}"), &report, Seal::Encrypt)
        .await
        .unwrap();
    world.forget_everything().await;
    world.disconnect_providers().await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    let message = world.text("SELECT message FROM api.schedule").await;
    let said = ", with an error beside them: some may be missing";
    assert!(message.ends_with(said), "{message}");
}

/// The archives of older tools have no report, and their folders are civil hours.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_an_older_tool_is_not_taken_for_another_hour() {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &ONE_HOUR).await;
    let report = world.archive_file("bird", "2020/1/15/12");
    std::fs::remove_file(report.with_file_name("extract.json")).unwrap();
    world.forget_everything().await;
    world.disconnect_providers().await;
    let no_request = with(&ONE_HOUR, &["--no-extract"]);
    let zone = |zone: &'static str| {
        world.edit_settings(move |settings| settings["TIME_ZONE"] = json!(zone))
    };
    zone("US/Eastern").await;
    for run in [&ONE_HOUR[..], &no_request] {
        world.expect(1, run).await;
        let message = world.text("SELECT message FROM api.schedule").await;
        for said in [
            "ArchiveUnreadable: ",
            "ended 1 hour later",
            "is TIME_ZONE (US/Eastern) right?",
        ] {
            assert!(message.contains(said), "{message}");
        }
        assert_eq!(world.statuses().await, [New]);
    }
    assert_eq!(world.number("SELECT count(*) FROM api.trips").await, 0);

    // Nothing is archived yet, so the zone can be put right.
    zone("US/Central").await;
    world.expect(0, &ONE_HOUR).await;
    world.expect_whole(&["bird"], &["12"]).await;

    world.forget_everything().await;
    zone("US/Eastern").await;
    world.expect(0, &with(&no_request, &["--force"])).await;
    zone("US/Central").await;
    let error = stderr(&world.expect(2, &ONE_HOUR).await);
    for said in ["put US/Eastern back", "the bucket is right: keep it"] {
        assert!(error.contains(said), "{error}");
    }
}

/// Whoever wants the provider left alone loads what the bucket has.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_extract_loads_the_archives_that_the_schedule_does_not_know_of() {
    for command in ["sync-db", "run"] {
        let world = world_with(&["bird"], Map::new()).await;
        world.expect(0, &ONE_HOUR).await;
        let trips = world.number("SELECT count(*) FROM api.trips").await;
        world.forget_everything().await;
        world.disconnect_providers().await;
        let load = with(&[command], &ONE_HOUR[1..]);
        let load = match command {
            "run" => with(&load, &["--no-extract"]),
            _ => load,
        };
        world.expect(0, &load).await;
        assert_eq!(world.number("SELECT count(*) FROM api.trips").await, trips);
    }
}

/// Each kind has a remedy of its own, and running again is none.
#[tokio::test(flavor = "multi_thread")]
async fn archives_that_cannot_be_read_are_told_apart_by_their_kind() {
    let world = world_with(&["bird"], Map::new()).await;
    let hours = run("bird", "2020-01-15-12", "2020-01-15-15");
    world.expect(0, &hours).await;
    for (hour, text) in [("12", ""), ("13", "hello"), ("14", "{\"trips\": []}")] {
        let file = world.archive_file("bird", &format!("2020/1/15/{hour}"));
        std::fs::write(&file, text).unwrap();
    }
    world.forget_everything().await;
    let said = stdout(&world.expect(1, &hours).await);
    let groups = said.matches("failed: 1 block of bird, extract (ArchiveUnreadable)");
    assert_eq!(groups.count(), 3, "{said}");
    for kind in ["it is empty", "neither JSON nor", "it is not encrypted"] {
        assert!(said.contains(kind), "{kind}: {said}");
    }
    assert!(said.contains("--force"), "{said}");
}
