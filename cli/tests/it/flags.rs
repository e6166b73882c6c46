//! Which blocks and steps the flags of `mds run` select.

use std::collections::BTreeMap;

use sandbox_provider::{Fault, Quirk, Quirks, Times};
use serde_json::{Value, json};
use trips::status::BlockStatus::{
    AllRejected, Archived, ExtractFailed, Loaded, LoadedWithRejects, New, NoTrips, NotPublished,
    Published,
};

use crate::support::{
    World, hour, options, run, stderr, stdout, with, world, world_of, world_with,
};

/// Two hours of one provider.
pub(crate) const HOURS: [&str; 7] = run("bird", "2020-01-15-12", "2020-01-15-14");

/// Everything that must stay unchanged when a command does nothing.
#[derive(Debug, PartialEq)]
pub(crate) struct Everything {
    database: String,
    bucket: BTreeMap<std::path::PathBuf, Vec<u8>>,
    portal: BTreeMap<String, Value>,
    requests: u64,
    uploads: usize,
}

impl World {
    pub(crate) async fn everything(&self) -> Everything {
        Everything {
            database: self.dump().await,
            bucket: self.stored(),
            portal: self.portal(),
            requests: self.request_count(),
            uploads: self.uploads().len(),
        }
    }

    /// The number of requests for one hour, by its name in the query.
    fn requests_for(&self, end_time: &str) -> usize {
        let requests = self.stack.providers["bird"].log().requests();
        let query = format!("end_time={end_time}");
        requests
            .iter()
            .filter(|request| request.query == query)
            .count()
    }

    fn fault(&self, civil: &str, fault: Fault, times: Times) {
        self.stack.providers["bird"].fail_hour(hour(civil), fault, times);
    }

    fn good_trips(&self, hours: &[&str]) -> usize {
        let bird = &self.stack.providers["bird"];
        let trips = hours
            .iter()
            .map(|civil| bird.expected(hour(civil)).distinct);
        usize::try_from(trips.sum::<u64>()).unwrap()
    }

    /// Runs a command that fails because every trip of every hour is rejected.
    async fn expect_all_rejected(&self, command: &[&str]) {
        let output = self.expect(1, command).await;
        let summary = stdout(&output);
        assert!(
            summary.contains("of 2 blocks 0 done")
                && summary.contains("2 failed")
                && summary.contains("failed: 2 blocks of bird, sync-db (ProviderMalformed): ")
                && summary.contains("--incomplete-only"),
            "{summary}"
        );
        let message = self.text("SELECT min(message) FROM api.schedule").await;
        let rejects = self
            .number("SELECT records_error_count FROM api.schedule ORDER BY message LIMIT 1")
            .await;
        assert!(
            message.starts_with(&format!(
                "ProviderMalformed: all {rejects} trips of the hour are rejected, {rejects} of them as off_the_globe"
            )),
            "{message}"
        );
    }

    pub(crate) async fn rows(&self) -> usize {
        usize::try_from(self.number("SELECT count(*) FROM api.trips").await).unwrap()
    }

    pub(crate) async fn object_names(&self) -> Vec<String> {
        self.objects().await.into_keys().collect()
    }
}

fn names(hours: &[&str], objects: &[&str]) -> Vec<String> {
    let names = hours.iter().flat_map(|h| {
        objects
            .iter()
            .map(move |o| format!("staging/bird/2020/1/15/{h}/{o}.json"))
    });
    names.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sync_db_only_archives_and_the_next_run_goes_on_from_there() {
    let world = world_with(&["bird"], serde_json::Map::new()).await;
    world.expect(0, &with(&HOURS, &["--no-sync-db"])).await;
    assert_eq!(world.statuses().await, [Archived, Archived]);
    assert_eq!(
        world.object_names().await,
        names(&["12", "13"], &["extract", "trips"])
    );
    assert_eq!((world.rows().await, world.stack.portal.row_count()), (0, 0));
    assert_eq!(world.request_count(), 2);

    world.expect(0, &HOURS).await;
    assert_eq!(world.statuses().await, [Published, Published]);
    assert_eq!(
        world.object_names().await,
        names(&["12", "13"], &["extract", "publish", "rejects", "trips"])
    );
    let good = world.good_trips(&["2020-01-15-12", "2020-01-15-13"]);
    assert_eq!(
        (world.rows().await, world.stack.portal.row_count()),
        (good, good)
    );
    assert_eq!(world.request_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sync_socrata_loads_and_leaves_the_portal_alone() {
    let world = world_with(&["bird"], serde_json::Map::new()).await;
    world.expect(0, &with(&HOURS, &["--no-sync-socrata"])).await;
    let good = world.good_trips(&["2020-01-15-12", "2020-01-15-13"]);
    assert!(
        world
            .statuses()
            .await
            .iter()
            .all(|status| [Loaded, LoadedWithRejects].contains(status))
    );
    assert_eq!(
        (world.rows().await, world.stack.portal.row_count()),
        (good, 0)
    );
    assert_eq!(
        world.object_names().await,
        names(&["12", "13"], &["extract", "publish", "rejects", "trips"])
    );
    assert!(world.uploads().is_empty());

    world
        .expect(0, &with(&HOURS, &["--no-extract", "--no-sync-db"]))
        .await;
    assert_eq!(world.statuses().await, [Published, Published]);
    assert_eq!(
        (world.request_count(), world.stack.portal.row_count()),
        (2, good)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_extract_asks_no_provider() {
    let world = world_with(&["bird"], serde_json::Map::new()).await;
    // Without an archive there is nothing to load, and no block fails.
    let output = world.expect(2, &with(&HOURS, &["--no-extract"])).await;
    assert!(
        stderr(&output).contains("nothing to do: 2 blocks are not archived yet"),
        "{}",
        stderr(&output)
    );
    assert_eq!(world.statuses().await, [New, New]);
    assert!(world.object_names().await.is_empty());
    assert_eq!((world.request_count(), world.rows().await), (0, 0));

    world
        .expect(
            0,
            &[
                "extract",
                "--provider",
                "bird",
                "--time-max",
                "2020-01-15-13",
            ],
        )
        .await;
    assert_eq!(world.statuses().await, [Archived, New]);
    world.expect(0, &with(&HOURS, &["--no-extract"])).await;
    assert_eq!(world.statuses().await, [Published, New]);
    let good = world.good_trips(&["2020-01-15-12"]);
    assert_eq!(
        (
            world.rows().await,
            world.stack.portal.row_count(),
            world.request_count()
        ),
        (good, good, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn force_does_the_chosen_steps_again() {
    let world = world_with(&["bird"], serde_json::Map::new()).await;
    world.fault("2020-01-15-12", Fault::Partial { trips: 5 }, Times::Next(1));
    world.expect(0, &HOURS).await;
    assert_eq!(world.statuses().await, [Published, Published]);
    let all = world.good_trips(&["2020-01-15-12", "2020-01-15-13"]);
    assert!(world.rows().await < all);

    // The provider now has all trips. A published hour is only requested again with `--force`.
    for flags in [
        &[][..],
        &["--incomplete-only"],
        &["--incomplete-only", "--force"],
    ] {
        world.expect(0, &with(&HOURS, flags)).await;
        assert_eq!(world.request_count(), 2, "{flags:?}");
    }
    let uploads = world.uploads().len();
    world
        .expect(
            0,
            &with(&HOURS, &["--force", "--no-extract", "--no-sync-socrata"]),
        )
        .await;
    assert_eq!((world.request_count(), world.uploads().len()), (2, uploads));
    assert!(world.rows().await < all);

    world.expect(0, &with(&HOURS, &["--force"])).await;
    assert_eq!(world.statuses().await, [Published, Published]);
    assert_eq!(
        (
            world.request_count(),
            world.rows().await,
            world.stack.portal.row_count()
        ),
        (4, all, all)
    );
    // One upload carries the rows of both hours, unless the second one comes too late for it.
    let more = world.uploads().len() - uploads;
    assert!((1..=2).contains(&more), "{more}");
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_only_mends_what_failed_asks_again_for_empty_hours_and_skips_the_rest() {
    let world = world_with(&["bird"], serde_json::Map::new()).await;
    let range = [
        "run",
        "--provider",
        "bird",
        "--time-min",
        "2020-01-15-12",
        "--interval",
        "4",
    ];
    let broken = Fault::Status {
        status: 500,
        retry_after: None,
    };
    world.fault("2020-01-15-13", Fault::Partial { trips: 0 }, Times::Always);
    world.fault("2020-01-15-14", broken, Times::Always);
    world.fault("2020-01-15-15", Fault::NotReady, Times::Always);
    world.expect(1, &range).await;
    assert_eq!(
        world.statuses().await,
        [Published, NoTrips, ExtractFailed, NotPublished]
    );

    // Without the flag an empty hour counts as done.
    world.expect(1, &range).await;
    assert_eq!(
        (
            world.requests_for("2020-01-15T18"),
            world.requests_for("2020-01-15T19")
        ),
        (1, 1)
    );
    assert_eq!(
        world.statuses().await,
        [Published, NoTrips, ExtractFailed, NotPublished]
    );

    // With the flag the empty hour is requested again, and late trips are found once they exist.
    world.expect(1, &with(&range, &["--incomplete-only"])).await;
    assert_eq!(
        (
            world.requests_for("2020-01-15T18"),
            world.requests_for("2020-01-15T19")
        ),
        (1, 2)
    );
    assert_eq!(
        world.statuses().await,
        [Published, NoTrips, ExtractFailed, NotPublished]
    );
    world.stack.providers["bird"].clear_faults();
    world.expect(0, &with(&range, &["--incomplete-only"])).await;
    assert_eq!(
        (
            world.requests_for("2020-01-15T18"),
            world.requests_for("2020-01-15T19")
        ),
        (1, 3)
    );
    assert_eq!(world.statuses().await, [Published; 4]);
    let good = world.good_trips(&[
        "2020-01-15-12",
        "2020-01-15-13",
        "2020-01-15-14",
        "2020-01-15-15",
    ]);
    assert_eq!(
        (world.rows().await, world.stack.portal.row_count()),
        (good, good)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_only_takes_up_hours_of_which_every_trip_was_rejected() {
    let mut options = options(&["bird"]);
    options.providers.get_mut("bird").unwrap().quirks = Quirks::from([Quirk::SwappedCoordinates]);
    let world = world_of(options).await;
    // With latitude and longitude swapped, every trip of this city is off the globe.
    world.expect_all_rejected(&HOURS).await;
    assert_eq!(world.statuses().await, [AllRejected, AllRejected]);
    // Whoever finds it again fails again.
    world
        .expect_all_rejected(&with(&HOURS, &["--incomplete-only"]))
        .await;
    world
        .expect_all_rejected(&with(&HOURS, &["--force", "--no-extract"]))
        .await;
    assert_eq!(world.statuses().await, [AllRejected, AllRejected]);
    let requests = world.request_count();
    assert_eq!((world.rows().await, world.stack.portal.row_count()), (0, 0));

    let swap = |providers: &mut Value| providers["bird"]["swap_coordinates"] = json!(true);
    world.edit_providers(swap).await;

    let output = world.expect(0, &HOURS).await;
    assert!(stdout(&output).contains("nothing to do"));
    world.expect(0, &with(&HOURS, &["--incomplete-only"])).await;
    assert_eq!(world.statuses().await, [Published, Published]);
    assert_eq!(world.request_count(), requests + 2);
    let good = world.good_trips(&["2020-01-15-12", "2020-01-15-13"]);
    assert_eq!(
        (world.rows().await, world.stack.portal.row_count()),
        (good, good)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_each_block_and_writes_nothing_anywhere() {
    let world = world().await;
    let both = [
        "run",
        "--provider",
        "all",
        "--time-min",
        "2020-01-15-12",
        "--interval",
        "2",
        "--dry-run",
    ];
    let before = world.everything().await;
    let output = world.expect(0, &both).await;
    let steps = "(new): extract, sync-db, sync-socrata";
    assert_eq!(
        stdout(&output),
        format!(
            "bird 2020-01-15-13 {steps}\nlime 2020-01-15-13 {steps}\nbird 2020-01-15-14 {steps}\nlime 2020-01-15-14 {steps}\n"
        )
    );
    assert!(stderr(&output).contains("dry run: 4 blocks to do, nothing written"));
    assert_eq!(before, world.everything().await);

    // The same with existing blocks, with `--json`, and for each of the commands for one step.
    world.fault("2020-01-15-13", Fault::NotReady, Times::Always);
    world
        .expect(0, &with(&both[..7], &["--no-sync-socrata"]))
        .await;
    let before = world.everything().await;
    let output = world.expect(0, &with(&["--json"], &both)).await;
    let plan: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let lines = plan["blocks"].as_array().unwrap();
    let shape = |n: usize| {
        (
            lines[n]["provider"].clone(),
            lines[n]["label"].clone(),
            lines[n]["steps"].clone(),
        )
    };
    assert_eq!(lines.len(), 4);
    assert_eq!(
        shape(0),
        (
            json!("bird"),
            json!("2020-01-15-13"),
            json!(["sync-socrata"])
        )
    );
    assert_eq!(
        shape(2),
        (
            json!("bird"),
            json!("2020-01-15-14"),
            json!(["extract", "sync-db", "sync-socrata"])
        )
    );
    assert_eq!(
        (&lines[2]["status"], &lines[2]["block_start"]),
        (&json!(1), &json!("2020-01-15T19:00:00Z"))
    );
    for (step, blocks) in [("extract", 1), ("sync-db", 0), ("sync-socrata", 3)] {
        let output = world.expect(0, &with(&[step], &both[1..])).await;
        assert_eq!(stdout(&output).lines().count(), blocks, "{step}");
        let output = world.expect(0, &with(&[step, "--force"], &both[1..])).await;
        // A load finds out what is not archived.
        let ends = [format!("): {step}"), "): sync-db (no archive)".to_owned()];
        let text = stdout(&output);
        let fits = |line: &str| ends.iter().any(|end| line.ends_with(end));
        assert!(text.lines().all(fits), "{text}");
        // Only what is loaded can be published again.
        let forced = if step == "sync-socrata" { 3 } else { 4 };
        assert_eq!(stdout(&output).lines().count(), forced, "{step}");
    }
    assert_eq!(before, world.everything().await);
}
