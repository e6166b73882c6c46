//! A worker whose database session ends while it waits for its provider.

use std::process::Stdio;
use std::time::Duration;

use rstest::rstest;
use sandbox_provider::{Fault, Rates, Rhythm, Times};
use serde_json::json;
use trips::status::BlockStatus::Published;

use crate::support::{ONE_HOUR, World, hour, options, until, world_of};

const SLOW: Duration = Duration::from_secs(10);

impl World {
    /// The number of blocks that are claimed.
    async fn claims(&self) -> i64 {
        self.number(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
             WHERE l.locktype = 'advisory' AND d.datname = current_database()",
        )
        .await
    }

    async fn end_sessions(&self) {
        let ended = self
            .number(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
                 WHERE application_name = 'mds-etl' AND datname = current_database()",
            )
            .await;
        assert!(ended > 0);
    }
}

#[rstest]
#[case::in_one_request(40.0)]
#[case::in_parts(4000.0)]
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_its_claim_leaves_the_archive_of_the_next_one(
    #[case] trips_per_hour: f64,
) {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    (bird.rates, bird.rhythm) = (Rates::none(), Rhythm::Flat);
    bird.trips_per_hour = trips_per_hour;
    let settings = &mut options.settings;
    settings.insert("ARCHIVE_COMPRESSION".to_owned(), json!("none"));
    let world = world_of(options).await;
    let bird = &world.stack.providers["bird"];
    let noon = hour("2020-01-15-12");
    bird.fail_hour(noon, Fault::Slow(SLOW), Times::Next(1));

    let mut first = world.mds(&ONE_HOUR);
    let mut first = first
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the first claim", async || world.claims().await > 0).await;
    // The provider logs a request only when it responds.
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Every later response differs from the one that is on its way.
    bird.clear_faults();
    bird.fail_hour(noon, Fault::Partial { trips: 5 }, Times::Always);
    assert_eq!(world.request_count(), 0, "the first response is on its way");
    world.end_sessions().await;
    world.expect(0, &ONE_HOUR).await;
    let (objects, schedule) = (world.objects().await, world.schedule().await);

    let mut status = None;
    until("the end of the first one", async || {
        status = first.try_wait().unwrap();
        status.is_some()
    })
    .await;
    // It finds the block done.
    assert_eq!(status.unwrap().code(), Some(0));
    assert_eq!(world.objects().await, objects);
    assert_eq!(world.schedule().await, schedule);
    assert_eq!(world.statuses().await, [Published]);
    let archive = world.object("bird/2020/1/15/12/trips.json").await;
    let report = world.object("bird/2020/1/15/12/extract.json").await;
    assert_eq!(archive["data"]["trips"].as_array().unwrap().len(), 5);
    assert_eq!(report["trips"], 5);
    assert_eq!(world.number("SELECT count(*) FROM api.trips").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_idle_sessions_does_not_end_a_claim() {
    let world = world_of(options(&["bird"])).await;
    let name = world.text("SELECT current_database()::text").await;
    let limit = format!("ALTER DATABASE \"{name}\" SET idle_session_timeout = '1s'");
    world.database.batch_execute(&limit).await.unwrap();
    let slow = Fault::Slow(Duration::from_secs(3));
    world.stack.providers["bird"].fail_hour(hour("2020-01-15-12"), slow, Times::Always);
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.request_count(), 1);
    assert_eq!(world.statuses().await, [Published]);
}
