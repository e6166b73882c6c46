//! Hours that are requested again, because trips arrive late.

use sandbox_provider::{Fault, Times};
use serde_json::{Value, json};
use trips::status::BlockStatus::{NoTrips, Published};

use crate::support::{ONE_HOUR, REPAIR, World, hour, options, stderr, stdout, with, world_of};

/// A provider whose hours are requested again after a day and after a week.
async fn world() -> World {
    let mut options = options(&["bird"]);
    options
        .provider_settings
        .insert("reask_hours".to_owned(), json!([24, 168]));
    world_of(options).await
}

impl World {
    /// Pretends that the hour was pulled this many hours after its end, and not today.
    async fn set_age_at_pull(&self, hours: i32) {
        let statement =
            format!("UPDATE api.schedule SET extracted_at = block_end + interval '{hours} hours'");
        self.database.batch_execute(&statement).await.unwrap();
    }

    /// The numbers of new, changed and gone trips in the schedule.
    async fn changes(&self) -> String {
        self.text("SELECT concat_ws(' ', trips_new, trips_changed, trips_gone) FROM api.schedule")
            .await
    }

    /// The number of trips in each archive of the hour, by key.
    async fn archives(&self) -> Vec<(String, usize)> {
        let archives = self.objects().await.into_iter();
        let archives = archives.filter(|(key, _)| key.contains("/trips."));
        let count = |trips: &Value| trips["data"]["trips"].as_array().unwrap().len();
        archives.map(|(key, value)| (key, count(&value))).collect()
    }

    fn fail_noon(&self, fault: Fault) {
        let provider = &self.stack.providers["bird"];
        provider.fail_hour(hour("2020-01-15-12"), fault, Times::Next(1));
    }

    fn sent_at_noon(&self) -> usize {
        let sent = self.stack.providers["bird"]
            .expected(hour("2020-01-15-12"))
            .sent;
        usize::try_from(sent).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn late_trips_are_found_loaded_and_published_when_the_hour_has_come_of_age() {
    let world = world().await;
    world.fail_noon(Fault::Partial { trips: 5 });
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.changes().await, "");
    world.set_age_at_pull(23).await;
    world.expect(0, &ONE_HOUR).await;

    world.expect_whole(&["bird"], &["12"]).await;
    let sent = world.sent_at_noon();
    let archives = world.archives().await;
    let counts: Vec<usize> = archives.iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [5, sent], "{archives:?}");
    let report = world.object("bird/2020/1/15/12/extract.json").await;
    assert_eq!(report["former_key"], archives[0].0);
    // A trip that is sent twice counts once.
    let new = report["changes"]["new"].as_u64().unwrap();
    assert_eq!(world.changes().await, format!("{new} 0 0"));
    assert!(new > 0 && new <= (sent - 5).try_into().unwrap());
    let message = world
        .text("SELECT coalesce(message, '') FROM api.schedule")
        .await;
    assert_eq!(
        (message.as_str(), world.statuses().await),
        ("", vec![Published])
    );

    // They stay late trips when the same answer comes at the second age.
    world.set_age_at_pull(30).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.changes().await, "0 0 0");
    let late = "SELECT sum(trips_late)::bigint FROM api.days";
    assert_eq!(world.number(late).await.unsigned_abs(), new);
    let status = ["--json", "status", "--since", "2020-01-01"];
    // The hours of the years since are missing.
    let status = world.expect(1, &status).await;
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["providers"][0]["trips_late"], new, "{status}");
}

impl World {
    /// Keeps the rows of the hour, as a backup does.
    async fn back_up_database(&self) {
        let statement = "CREATE TABLE kept_schedule AS SELECT * FROM api.schedule;
            CREATE TABLE kept_trips AS SELECT * FROM api.trips;
            CREATE TABLE kept_publications AS SELECT * FROM api.publications";
        self.database.batch_execute(statement).await.unwrap();
    }

    /// Puts them back. The bucket stays as it is.
    async fn restore_database(&self) {
        let statement =
            "DELETE FROM api.trips; DELETE FROM api.publications; DELETE FROM api.schedule;
            INSERT INTO api.schedule OVERRIDING SYSTEM VALUE SELECT * FROM kept_schedule;
            INSERT INTO api.trips OVERRIDING SYSTEM VALUE SELECT * FROM kept_trips;
            INSERT INTO api.publications OVERRIDING SYSTEM VALUE SELECT * FROM kept_publications";
        self.database.batch_execute(statement).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn late_trips_that_only_the_bucket_has_are_loaded_into_a_restored_database() {
    let world = world().await;
    world.fail_noon(Fault::Partial { trips: 5 });
    world.expect(0, &ONE_HOUR).await;
    world.back_up_database().await;
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    world.expect_whole(&["bird"], &["12"]).await;
    world.restore_database().await;
    assert!(world.number("SELECT count(*) FROM api.trips").await <= 5);

    world.set_age_at_pull(23).await;
    world.expect(0, &ONE_HOUR).await;
    world.expect_whole(&["bird"], &["12"]).await;
    // After that, the archive is the one that the schedule knows.
    let modified = world.modified().await;
    world.set_age_at_pull(30).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.modified().await, modified);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withdrawn_after_a_backup_stays_so_when_the_archive_is_loaded_over_it() {
    const WITHDRAWN: &str = "SELECT count(*) FROM api.trips WHERE withdrawn_at IS NOT NULL";
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    world.back_up_database().await;
    world.fail_noon(Fault::Partial {
        trips: world.sent_at_noon() - 3,
    });
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    let (withdrawn, trips) = (world.number(WITHDRAWN).await, world.trips().await);
    assert!(withdrawn > 0);
    world.restore_database().await;
    assert_eq!(world.number(WITHDRAWN).await, 0);

    let load = with(&ONE_HOUR, &["--force", "--no-extract"]);
    for _ in 0..2 {
        world.expect(0, &load).await;
        assert_eq!(world.number(WITHDRAWN).await, withdrawn);
        assert_eq!(world.trips().await, trips);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_keeps_rows_of_trips_that_only_the_bucket_has() {
    let world = world().await;
    world.fail_noon(Fault::Partial { trips: 5 });
    world.expect(0, &ONE_HOUR).await;
    world.back_up_database().await;
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    let rows = world.stack.portal.rows();
    world.restore_database().await;

    let output = stderr(&world.expect(1, &REPAIR).await);
    let way_out = "`mds run --provider bird --no-extract --force --time-min 2020-01-15-12 --time-max 2020-01-15-13`";
    assert!(
        output.contains("bird: its newest archive is not loaded") && output.contains(way_out),
        "{output}"
    );
    assert_eq!(world.stack.portal.rows(), rows);
    world
        .expect(0, &with(&ONE_HOUR, &["--force", "--no-extract"]))
        .await;
    world.expect(0, &REPAIR).await;
    world.expect_whole(&["bird"], &["12"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_of_an_hour_that_was_empty_are_loaded_into_a_restored_database() {
    let world = world().await;
    world.fail_noon(Fault::Partial { trips: 0 });
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [NoTrips]);
    world.back_up_database().await;
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    world.restore_database().await;
    assert_eq!(world.statuses().await, [NoTrips]);

    world
        .expect(0, &with(&ONE_HOUR, &["--incomplete-only"]))
        .await;
    world.expect_whole(&["bird"], &["12"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_answer_again_is_only_noted() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (archive, modified, uploads) = (
        world.archives().await,
        world.modified().await,
        world.uploads().len(),
    );
    // Pulled after a day, and a week has passed since.
    world.set_age_at_pull(30).await;
    let requests = world.request_count();
    world.expect(0, &ONE_HOUR).await;

    assert_eq!(world.request_count(), requests + 1);
    assert_eq!(world.archives().await, archive);
    assert_eq!(world.modified().await, modified);
    assert_eq!(world.uploads().len(), uploads);
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(world.changes().await, "0 0 0");
    let message = world.text("SELECT message FROM api.schedule").await;
    assert!(
        message.ends_with("0 new, 0 changed, 0 gone since the answer before"),
        "{message}"
    );
    let late = "SELECT sum(trips_late)::bigint FROM api.days";
    assert_eq!(world.number(late).await, 0);
    // After that it is not requested again.
    let planned = stdout(
        &world
            .expect(0, &with(&ONE_HOUR, &["--dry-run", "--json"]))
            .await,
    );
    let planned: Value = serde_json::from_str(&planned).unwrap();
    assert_eq!(
        (&planned["blocks"], &planned["nothing"]["reason"]),
        (&json!([]), &json!("done"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mended_trips_replace_those_before() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (cost, uploads) = (
        world
            .number("SELECT sum(actual_cost)::bigint FROM api.trips")
            .await,
        world.uploads().len(),
    );
    world.set_age_at_pull(2).await;
    world.fail_noon(Fault::Revised);
    world.expect(0, &ONE_HOUR).await;

    let priced = world
        .number("SELECT count(actual_cost) FROM api.trips")
        .await;
    let later = world
        .number("SELECT sum(actual_cost)::bigint FROM api.trips")
        .await;
    assert_eq!(later, cost + priced);
    assert_eq!(world.archives().await.len(), 2);
    assert!(
        world.changes().await.starts_with("0 "),
        "{}",
        world.changes().await
    );
    assert!(world.uploads().len() > uploads);
    assert_eq!(world.statuses().await, [Published]);
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_that_are_gone_are_counted_and_withdrawn_until_they_are_back() {
    const WITHDRAWN: &str = "SELECT count(*) FROM api.trips WHERE withdrawn_at IS NOT NULL";
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let trips = world.trips().await;
    world.set_age_at_pull(2).await;
    world.fail_noon(Fault::Partial {
        trips: world.sent_at_noon() - 3,
    });
    world.expect(0, &ONE_HOUR).await;

    let gone = world.number("SELECT trips_gone FROM api.schedule").await;
    let withdrawn = world.number(WITHDRAWN).await;
    assert!((1..=gone).contains(&withdrawn), "{withdrawn} of {gone}");
    assert_ne!(world.trips().await, trips);
    assert_eq!(
        (world.archives().await.len(), world.statuses().await),
        (2, vec![Published])
    );

    world.set_age_at_pull(2).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.number(WITHDRAWN).await, 0);
    assert_eq!(world.trips().await, trips);
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_that_are_gone_stay_if_the_provider_is_configured_so() {
    let mut options = options(&["bird"]);
    for (key, value) in [("reask_hours", json!([24])), ("withdrawals", json!("keep"))] {
        options.provider_settings.insert(key.to_owned(), value);
    }
    let world = world_of(options).await;
    world.expect(0, &ONE_HOUR).await;
    let (trips, uploads) = (world.trips().await, world.uploads().len());
    world.set_age_at_pull(2).await;
    world.fail_noon(Fault::Partial {
        trips: world.sent_at_noon() - 3,
    });
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.trips().await, trips);
    assert_eq!(world.uploads().len(), uploads);
    assert_eq!(world.statuses().await, [Published]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_provider_at_a_later_age_loses_nothing_and_is_tried_again() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (trips, archives) = (world.trips().await, world.archives().await);
    world.set_age_at_pull(2).await;
    world.fail_noon(Fault::TruncatedJson);
    world.expect(1, &ONE_HOUR).await;
    assert_eq!(
        (world.trips().await, world.archives().await),
        (trips, archives)
    );
    assert_eq!(world.statuses().await, [Published]);

    let uploads = world.uploads().len();
    world.expect(0, &ONE_HOUR).await;
    // The published rows are not sent again.
    assert_eq!(
        (world.statuses().await, world.uploads().len()),
        (vec![Published], uploads)
    );
}
