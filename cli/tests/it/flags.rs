//! Which hours and steps the flags choose, and what is refused.

use std::collections::BTreeMap;

use chrono::{DurationRound, TimeDelta, Utc};
use sandbox::provider::{Fault, Rates, Rhythm, Times};
use serde_json::{Value, json};
use trips::block::Stage;
use vault::Seal;

use crate::support::{World, hour, options, stderr, stdout, world, world_of, world_with};

const HOURS: [&str; 7] = [
    "run",
    "--provider",
    "bird",
    "--time-min",
    "2020-01-15-12",
    "--time-max",
    "2020-01-15-14",
];
/// Fewer and plainer: these are about the shape of a range.
const LOOK: [&str; 4] = ["run", "--provider", "bird", "--dry-run"];

/// What must stay as it is when nothing is done.
#[derive(Debug, PartialEq)]
struct Everything {
    database: String,
    bucket: BTreeMap<std::path::PathBuf, Vec<u8>>,
    portal: BTreeMap<String, Value>,
    asked: u64,
    uploads: usize,
}

impl World {
    async fn everything(&self) -> Everything {
        Everything {
            database: self.dump().await,
            bucket: self.stored(),
            portal: self.portal(),
            asked: self.asked(),
            uploads: self.uploads().len(),
        }
    }

    /// How often the provider was asked so far.
    fn asked(&self) -> u64 {
        self.stack.providers["bird"].log().total()
    }

    /// How often the provider was asked for this hour, by its name in the query.
    fn asked_for(&self, end_time: &str) -> usize {
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

    async fn rows(&self) -> usize {
        usize::try_from(self.number("SELECT count(*) FROM api.trips").await).unwrap()
    }

    async fn object_names(&self) -> Vec<String> {
        self.objects().await.into_keys().collect()
    }

    async fn labels(&self, range: &[&str]) -> Vec<String> {
        let output = self
            .expect(0, &[&["--json"], &LOOK[..], range].concat())
            .await;
        let lines = stdout(&output);
        let blocks = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        blocks
            .map(|block| block["label"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn with<'a>(range: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [range, more].concat()
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
    assert_eq!(world.statuses().await, [2, 2]);
    assert_eq!(
        world.object_names().await,
        names(&["12", "13"], &["extract", "trips"])
    );
    assert_eq!((world.rows().await, world.stack.portal.row_count()), (0, 0));
    assert_eq!(world.asked(), 2);

    world.expect(0, &HOURS).await;
    assert_eq!(world.statuses().await, [8, 8]);
    assert_eq!(
        world.object_names().await,
        names(&["12", "13"], &["extract", "publish", "rejects", "trips"])
    );
    let good = world.good_trips(&["2020-01-15-12", "2020-01-15-13"]);
    assert_eq!(
        (world.rows().await, world.stack.portal.row_count()),
        (good, good)
    );
    assert_eq!(world.asked(), 2);
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
            .all(|status| [5, 6].contains(status))
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
    assert_eq!(world.statuses().await, [8, 8]);
    assert_eq!((world.asked(), world.stack.portal.row_count()), (2, good));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_extract_asks_no_provider() {
    let world = world_with(&["bird"], serde_json::Map::new()).await;
    // What is not archived cannot be loaded: nothing to do, and no failure.
    let output = world.expect(0, &with(&HOURS, &["--no-extract"])).await;
    assert!(
        stdout(&output).contains("nothing to do"),
        "{}",
        stdout(&output)
    );
    assert_eq!(world.statuses().await, [0, 0]);
    assert!(world.object_names().await.is_empty());
    assert_eq!((world.asked(), world.rows().await), (0, 0));

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
    assert_eq!(world.statuses().await, [2, 0]);
    world.expect(0, &with(&HOURS, &["--no-extract"])).await;
    assert_eq!(world.statuses().await, [8, 0]);
    let good = world.good_trips(&["2020-01-15-12"]);
    assert_eq!(
        (
            world.rows().await,
            world.stack.portal.row_count(),
            world.asked()
        ),
        (good, good, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn force_does_the_chosen_steps_again() {
    let world = world_with(&["bird"], serde_json::Map::new()).await;
    world.fault("2020-01-15-12", Fault::Partial { trips: 5 }, Times::Next(1));
    world.expect(0, &HOURS).await;
    assert_eq!(world.statuses().await, [8, 8]);
    let all = world.good_trips(&["2020-01-15-12", "2020-01-15-13"]);
    assert!(world.rows().await < all);

    // The provider has sent the rest by now. A published hour is not asked for again unless told so.
    for flags in [
        &[][..],
        &["--incomplete-only"],
        &["--incomplete-only", "--force"],
    ] {
        world.expect(0, &with(&HOURS, flags)).await;
        assert_eq!(world.asked(), 2, "{flags:?}");
    }
    let uploads = world.uploads().len();
    world
        .expect(
            0,
            &with(&HOURS, &["--force", "--no-extract", "--no-sync-socrata"]),
        )
        .await;
    assert_eq!((world.asked(), world.uploads().len()), (2, uploads));
    assert!(world.rows().await < all);

    world.expect(0, &with(&HOURS, &["--force"])).await;
    assert_eq!(world.statuses().await, [8, 8]);
    assert_eq!(
        (
            world.asked(),
            world.rows().await,
            world.stack.portal.row_count()
        ),
        (4, all, all)
    );
    assert_eq!(world.uploads().len(), uploads + 2);
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
    assert_eq!(world.statuses().await, [8, 7, -2, 1]);

    // Without the flag an empty hour is done.
    world.expect(1, &range).await;
    assert_eq!(
        (
            world.asked_for("2020-01-15T18"),
            world.asked_for("2020-01-15T19")
        ),
        (1, 1)
    );
    assert_eq!(world.statuses().await, [8, 7, -2, 1]);

    // With it an hour that is still empty stays so, and what was late comes.
    world.expect(1, &with(&range, &["--incomplete-only"])).await;
    assert_eq!(
        (
            world.asked_for("2020-01-15T18"),
            world.asked_for("2020-01-15T19")
        ),
        (1, 2)
    );
    assert_eq!(world.statuses().await, [8, 7, -2, 1]);
    world.stack.providers["bird"].clear_faults();
    world.expect(0, &with(&range, &["--incomplete-only"])).await;
    assert_eq!(
        (
            world.asked_for("2020-01-15T18"),
            world.asked_for("2020-01-15T19")
        ),
        (1, 3)
    );
    assert_eq!(world.statuses().await, [8; 4]);
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
    options
        .providers
        .get_mut("bird")
        .unwrap()
        .quirks
        .swapped_coordinates = true;
    let world = world_of(options).await;
    world.expect(0, &HOURS).await;
    // With latitude and longitude exchanged no trip of this city is on the globe.
    assert_eq!(world.statuses().await, [-6, -6]);
    assert_eq!((world.rows().await, world.stack.portal.row_count()), (0, 0));

    let providers = stdout(&world.expect(0, &["config", "get", "providers"]).await);
    let mut providers: Value = serde_json::from_str(&providers).unwrap();
    providers["bird"]["swap_coordinates"] = json!(true);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), providers.to_string()).unwrap();
    world
        .expect(
            0,
            &["config", "put", "providers", file.path().to_str().unwrap()],
        )
        .await;

    let output = world.expect(0, &HOURS).await;
    assert!(stdout(&output).contains("nothing to do"));
    world.expect(0, &with(&HOURS, &["--incomplete-only"])).await;
    assert_eq!(world.statuses().await, [8, 8]);
    assert_eq!(world.asked(), 4);
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

    // Also where there is something already, for a program, and for each of the commands of one step.
    world.fault("2020-01-15-13", Fault::NotReady, Times::Always);
    world
        .expect(0, &with(&both[..7], &["--no-sync-socrata"]))
        .await;
    let before = world.everything().await;
    let output = world.expect(0, &with(&["--json"], &both)).await;
    let lines: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
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
        assert!(
            stdout(&output)
                .lines()
                .all(|line| line.ends_with(&format!("): {step}")))
        );
        assert_eq!(stdout(&output).lines().count(), 4, "{step}");
    }
    assert_eq!(before, world.everything().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_and_intervals_mean_these_hours() {
    let world = world_with(&["bird"], serde_json::Map::new()).await;
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
        // The last hour of a day is that of the next day's hour 00.
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
    let world = world_with(&["bird"], serde_json::Map::new()).await;
    let current = Utc::now().duration_trunc(TimeDelta::hours(1)).unwrap();
    let first = (current - TimeDelta::hours(2)).to_rfc3339();
    let (range, ahead) = (
        ["--time-min", &first, "--interval", "30"],
        ["--time-min", "2049-01-01-00", "--interval", "3"],
    );
    let output = world.expect(0, &with(&LOOK, &range)).await;
    // Unless the hour ended while this ran.
    if Utc::now().duration_trunc(TimeDelta::hours(1)).unwrap() == current {
        assert_eq!(stdout(&output).lines().count(), 2);
        assert!(
            stderr(&output).contains("28 blocks have not ended yet and are left out"),
            "{}",
            stderr(&output)
        );
    }
    let output = world.expect(0, &with(&LOOK, &ahead)).await;
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("3 blocks have not ended yet and are left out"));
    world.expect(0, &with(&LOOK[..3], &ahead)).await;
    assert_eq!(world.number("SELECT count(*) FROM api.schedule").await, 0);
    assert_eq!(world.asked(), 0);
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

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_its_reason_and_status_2() {
    let world = world_with(&["bird"], serde_json::Map::new()).await;
    let before = world.everything().await;
    let cases: [(&[&str], &str); 15] = [
        (
            &["--time-max", "2020-01-15-24"],
            "`2020-01-15-24` has the hour 24; use an hour from 00 to 23, or `2020-01-16-00`",
        ),
        (&["--time-max", "2020-13-15-01"], "has the month 13"),
        (
            &["--time-max", "2020-02-30-01"],
            "has the day 30; use a day from 01 to 29",
        ),
        (&["--time-max", "2020-01-15"], "has no hour"),
        (&["--time-max", "yesterday"], "`yesterday` is not a time"),
        (
            &["--time-max", "2020-01-15T14:30:00Z"],
            "is not on a whole hour",
        ),
        (
            &["--time-min", "2020-01-15-14", "--time-max", "2020-01-15-14"],
            "a range without an hour",
        ),
        (
            &["--time-min", "2020-01-15-15", "--time-max", "2020-01-15-14"],
            "is after time_max",
        ),
        (&["--interval", "0"], "the interval is 0 hours"),
        (&["--interval", "-1"], "'-1'"),
        (&["--concurrency", "0"], "--concurrency"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--file", "trips.json"], "--file"),
        (&["--on", "mars"], "mars"),
        (&["--env-file", "/nowhere.env"], "--env-file /nowhere.env"),
    ];
    for (arguments, message) in cases {
        let output = world
            .expect(2, &with(&["run", "--provider", "bird"], arguments))
            .await;
        assert!(
            stderr(&output).contains(message),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert_eq!(stdout(&output), "");
    }
    let output = world.expect(2, &["run", "--provider", "heron"]).await;
    assert!(stderr(&output).contains(
        "provider heron is not in the providers file config/providers_staging.json; it has: bird"
    ));
    let output = world.expect(2, &["run", "--provider", "no bird"]).await;
    assert!(stderr(&output).contains("no bird"), "{}", stderr(&output));
    let output = world.expect(2, &["run"]).await;
    assert!(stderr(&output).contains("--provider"));
    assert_eq!(before, world.everything().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_that_is_missing_or_wrong_is_named_with_status_2() {
    let world = world_with(&["bird"], serde_json::Map::new()).await;
    for (name, message) in [
        ("ATD_MDS_BUCKET", "ATD_MDS_BUCKET is missing"),
        ("ATD_MDS_FERNET_KEY", "ATD_MDS_FERNET_KEY is missing"),
    ] {
        let mut command = world.mds(&HOURS);
        command.env_remove(name);
        let output = World::output_of(command).await;
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    for (name, value, message) in [
        (
            "ATD_MDS_FERNET_KEY",
            "too-short",
            "ATD_MDS_FERNET_KEY is no list of keys",
        ),
        (
            "ATD_MDS_RUN_MODE",
            "REHEARSAL",
            "ATD_MDS_RUN_MODE must be STAGING or PRODUCTION",
        ),
        (
            "ATD_MDS_SETTINGS",
            "config/nothing.json",
            "config/nothing.json",
        ),
        (
            "ATD_MDS_RUN_MODE",
            "PRODUCTION",
            "config/settings_production.json",
        ),
    ] {
        let mut command = world.mds(&HOURS);
        command.env(name, value);
        let output = World::output_of(command).await;
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
        assert!(!stderr(&output).contains("too-short"));
    }

    let vault = world.vault().await;
    let key = format!("config/settings_{}.json", Stage::Staging);
    let whole: Value = vault.get_json(&key).await.unwrap();
    for (name, value, message) in [
        (
            "TIME_ZONE",
            json!("America/St_Johns"),
            "TIME_ZONE is a zone that is -03:30 from UTC",
        ),
        ("TIME_ZONE", json!("Austin"), "TIME_ZONE is no time zone"),
        ("DATABASE_URL", Value::Null, "DATABASE_URL is missing"),
        ("PUBLIC_ID_KEY", Value::Null, "PUBLIC_ID_KEY is missing"),
        ("SOCRATA_DATASET", json!("abcd"), "SOCRATA_DATASET"),
    ] {
        let mut settings = whole.clone();
        settings[name] = value;
        vault
            .put_json(&key, &settings, Seal::Encrypt)
            .await
            .unwrap();
        let output = world.expect(2, &HOURS).await;
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    assert_eq!(world.number("SELECT count(*) FROM api.schedule").await, 0);
    assert_eq!(world.asked(), 0);
}
