//! Which hours a range selects.

use chrono::{DurationRound, TimeDelta, Utc};
use sandbox_provider::{Rates, Rhythm};
use serde_json::{Map, Value, json};
use trips::status::BlockStatus::{Archived, LoadFailed, Published};

use crate::support::{World, options, run, stderr, stdout, with, world_of, world_with};

const DRY_RUN: [&str; 4] = ["run", "--provider", "bird", "--dry-run"];

impl World {
    /// The labels of the blocks that a dry run shows.
    async fn labels(&self, range: &[&str]) -> Vec<String> {
        let output = self
            .expect(0, &with(&with(&DRY_RUN, range), &["--json"]))
            .await;
        let plan: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let blocks = plan["blocks"].as_array().unwrap().iter();
        blocks
            .map(|block| block["label"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_and_intervals_mean_these_hours() {
    let world = world_with(&["bird"], Map::new()).await;
    let cases: [(&[&str], &[&str]); 9] = [
        (&["--time-max", "2020-01-15-14"], &["2020-01-15-14"]),
        (
            &["--time-max", "2020-01-15-14", "--interval", "2"],
            &["2020-01-15-13", "2020-01-15-14"],
        ),
        (&["--time-min", "2020-01-15-14"], &["2020-01-15-15"]),
        (
            &["--time-min", "2020-01-15-14", "--interval", "2"],
            &["2020-01-15-15", "2020-01-15-16"],
        ),
        (
            &[
                "--time-min",
                "2020-01-15-14",
                "--time-max",
                "2020-01-15-15",
                "--interval",
                "9",
            ],
            &["2020-01-15-15"],
        ),
        // Numbers without leading zeros, and instants.
        (&["--time-max", "2020-1-5-7"], &["2020-01-05-07"]),
        (&["--time-max", "2020-01-15T20:00:00Z"], &["2020-01-15-14"]),
        (
            &["--time-max", "2020-01-15T14:00:00-06:00"],
            &["2020-01-15-14"],
        ),
        // The last block of a day is labelled with hour 00 of the next day.
        (
            &["--time-min", "2019-12-31-22", "--interval", "2"],
            &["2019-12-31-23", "2020-01-01-00"],
        ),
    ];
    for (range, labels) in cases {
        assert_eq!(world.labels(range).await, labels, "{range:?}");
    }
    let day = world
        .labels(&["--time-min", "2020-01-01-00", "--time-max", "2020-01-02-00"])
        .await;
    assert_eq!(day.len(), 24);
    assert_eq!(
        (&*day[0], &*day[22], &*day[23]),
        ("2020-01-01-01", "2020-01-01-23", "2020-01-02-00")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_that_have_not_ended_are_left_out_and_counted() {
    let world = world_with(&["bird"], Map::new()).await;
    let current = Utc::now().duration_trunc(TimeDelta::hours(1)).unwrap();
    let first = (current - TimeDelta::hours(2)).to_rfc3339();
    let (range, ahead) = (
        ["--time-min", &first, "--interval", "30"],
        ["--time-min", "2049-01-01-00", "--interval", "3"],
    );
    let output = world.expect(0, &with(&DRY_RUN, &range)).await;
    // Skipped if the hour ended during the run.
    if Utc::now().duration_trunc(TimeDelta::hours(1)).unwrap() == current {
        assert_eq!(stdout(&output).lines().count(), 2);
        assert!(
            stderr(&output).contains("28 blocks have not ended yet and are left out"),
            "{}",
            stderr(&output)
        );
    }
    let output = world.expect(0, &with(&DRY_RUN, &ahead)).await;
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("3 blocks have not ended yet and are left out"));
    // Nothing that was asked for exists yet: perhaps this machine's clock is slow.
    let output = world.expect(2, &with(&DRY_RUN[..3], &ahead)).await;
    assert!(
        stderr(&output).contains("3 blocks have not ended yet"),
        "{}",
        stderr(&output)
    );
    assert_eq!(stdout(&output), "");
    assert_eq!(world.number("SELECT count(*) FROM api.schedule").await, 0);
    assert_eq!(world.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_two_odd_days_have_23_and_25_blocks_each_with_objects_of_its_own() {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    (bird.rates, bird.rhythm, bird.trips_per_hour) = (Rates::none(), Rhythm::Flat, 4.0);
    let world = world_of(options).await;
    let short = ["--time-min", "2020-03-08-00", "--time-max", "2020-03-09-00"];
    let long = ["--time-min", "2020-11-01-00", "--time-max", "2020-11-02-00"];
    assert_eq!(
        world.labels(&short).await[..4],
        [
            "2020-03-08-01",
            "2020-03-08-03",
            "2020-03-08-04",
            "2020-03-08-05"
        ]
    );
    assert_eq!(
        world.labels(&long).await[..4],
        [
            "2020-11-01-01",
            "2020-11-01-01b",
            "2020-11-01-02",
            "2020-11-01-03"
        ]
    );

    for (range, blocks) in [(short, 23), (long, 25)] {
        let output = world
            .expect(0, &with(&["run", "--provider", "bird"], &range))
            .await;
        assert!(
            stdout(&output).contains(&format!("of {blocks} blocks {blocks} done")),
            "{}",
            stdout(&output)
        );
    }
    let days = world.text(
        "SELECT string_agg(concat_ws(' ', date, n), ', ' ORDER BY date)
         FROM (SELECT date, count(*) AS n FROM api.schedule WHERE status_id = 8 GROUP BY date) d",
    );
    assert_eq!(days.await, "2020-03-08 23, 2020-11-01 25");
    assert_eq!(
        (world.rows().await, world.stack.portal.row_count()),
        (48 * 4, 48 * 4)
    );
    let objects = world.object_names().await;
    let hours = |day: &str| -> Vec<String> {
        let prefix = format!("staging/bird/2020/{day}/");
        let archives = objects
            .iter()
            .filter_map(|key| key.strip_prefix(&prefix)?.strip_suffix("/trips.json"));
        archives.map(str::to_owned).collect()
    };
    let numbers = |left_out: &[u32]| {
        let hours = (0..24).filter(|h| !left_out.contains(h));
        let mut hours: Vec<_> = hours.map(|h| h.to_string()).collect();
        hours.extend(left_out.is_empty().then(|| "1b".to_owned()));
        hours.sort();
        hours
    };
    assert_eq!((hours("3/8"), hours("11/1")), (numbers(&[2]), numbers(&[])));
}

/// With this range the folder of the one hour is that of another in a zone an hour further east.
const TWO_HOURS: [&str; 7] = run("bird", "2020-01-15-12", "2020-01-15-14");

#[tokio::test(flavor = "multi_thread")]
async fn archived_hours_keep_their_zone() {
    let world = world_with(&["bird"], Map::new()).await;
    let zone = async |name: &str| {
        let name = name.to_owned();
        let put = |settings: &mut Value| settings["TIME_ZONE"] = json!(name);
        world.edit_settings(put).await;
    };
    // Nothing is archived yet.
    zone("US/Mountain").await;
    world.expect(0, &["migrate"]).await;
    zone("US/Central").await;
    world.expect(0, &with(&TWO_HOURS, &["--no-sync-db"])).await;

    zone("US/Eastern").await;
    for command in [&TWO_HOURS[..], &["migrate"], &["status"]] {
        let error = stderr(&world.expect(2, command).await);
        for said in ["US/Eastern", "put US/Central back", "a new bucket"] {
            assert!(error.contains(said), "{command:?}: {error}");
        }
    }
    let doctor = stdout(&world.expect(1, &["doctor"]).await);
    assert!(doctor.contains("put US/Central back"), "{doctor}");
    assert_eq!(world.statuses().await, [Archived; 2]);

    zone("US/Central").await;
    let settings: Value = serde_json::from_str(&world.revealed("settings").await).unwrap();
    for (name, is_named) in [
        ("America/Chicago", false),
        ("US/Eastern", true),
        ("America/Chicago", true),
    ] {
        let mut changed = settings.clone();
        changed["TIME_ZONE"] = json!(name);
        let told = world.put(0, "settings", &changed.to_string(), &[]).await;
        assert_eq!(told.contains("TIME_ZONE changes"), is_named, "{told}");
    }
    world.expect(0, &TWO_HOURS).await;
    assert_eq!(world.statuses().await, [Published; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_another_hour_at_the_same_place_is_not_loaded() {
    let world = world_with(&["bird"], Map::new()).await;
    world.expect(0, &with(&TWO_HOURS, &["--no-sync-db"])).await;
    let put = |settings: &mut Value| settings["TIME_ZONE"] = json!("US/Eastern");
    world.edit_settings(put).await;
    // As if nobody had looked at the zone.
    let unseen = "UPDATE api.city SET time_zone = 'US/Eastern'";
    world.database.batch_execute(unseen).await.unwrap();
    let load = with(
        &["sync-db"],
        &["--provider", "bird", "--time-max", "2020-01-15T19:00:00Z"],
    );
    let error = stdout(&world.expect(1, &load).await);
    let said = "is the archive of the hour that starts at 2020-01-15T19:00:00Z, not at 2020-01-15T18:00:00Z";
    assert!(
        error.contains("ArchiveUnreadable") && error.contains(said),
        "{error}"
    );
    assert_eq!(world.statuses().await, [LoadFailed, Archived]);
    assert_eq!(world.rows().await, 0);
}
