//! `mds archive`: the objects of an hour by its label.

use std::process::{Command, Stdio};

use rstest::rstest;
use sandbox_provider::Rates;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::support::{ONE_HOUR, World, options, run, stderr, stdout, with, world, world_of};

const GET: [&str; 6] = [
    "archive",
    "get",
    "--provider",
    "bird",
    "--time-max",
    "2020-01-15-13",
];

async fn archived(more: &[&str], world: &World) -> String {
    stdout(&world.expect(0, &with(&GET, more)).await)
}

fn sent(world: &World) -> Vec<String> {
    let hour = crate::support::hour("2020-01-15-12");
    let feed = world.stack.providers["bird"].feed();
    feed.trips(hour).map(|trip| trip.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trips_of_an_hour_are_printed_line_by_line_with_every_digit() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let lines = archived(&[], &world).await;
    let lines: Vec<_> = lines.lines().collect();
    assert!(lines.len() > 20);
    assert_eq!(lines, sent(&world));

    // The whole object is what the steps read from a file.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trips.json");
    let path = file.to_str().unwrap();
    assert_eq!(
        archived(&["--format", "json", "--file", path], &world).await,
        ""
    );
    let whole = std::fs::read_to_string(&file).unwrap();
    assert_eq!(format!("{whole}\n"), archived(&["--json"], &world).await);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing temporary is left"
    );
    let load = ["sync-db", "--provider", "bird", "--time-max"];
    world
        .expect(0, &with(&load, &["2020-01-15-13", "--file", path]))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_routes_of_an_hour_are_geojson_whose_numbers_keep_their_digits() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let text = archived(&["--format", "geojson"], &world).await;
    let page: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(page["type"], "FeatureCollection");
    let sent = sent(&world);
    let features = page["features"].as_array().unwrap();
    assert_eq!(features.len(), sent.len());
    for (feature, sent) in features.iter().zip(&sent) {
        let sent: Value = serde_json::from_str(sent).unwrap();
        assert_eq!(feature["type"], "Feature");
        assert_eq!(feature["properties"]["trip_id"], sent["trip_id"]);
        let points = sent["route"]["features"].as_array().unwrap();
        let points: Vec<_> = points
            .iter()
            .map(|point| point["geometry"]["coordinates"].clone())
            .collect();
        if points.len() > 1 {
            assert_eq!(feature["geometry"]["type"], "LineString");
            assert_eq!(feature["geometry"]["coordinates"], Value::Array(points));
        }
    }
    let first: Value = serde_json::from_str(&sent[0]).unwrap();
    let longitude = &first["route"]["features"][0]["geometry"]["coordinates"][0];
    assert!(text.contains(&longitude.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_reports_and_rows_are_printed_by_their_names() {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    bird.rates = Rates {
        missing_device: 0.2,
        ..Rates::default()
    };
    let world = world_of(options).await;
    world.expect(0, &ONE_HOUR).await;

    let report: Value =
        serde_json::from_str(&archived(&["--object", "extract"], &world).await).unwrap();
    assert_eq!(report["provider"], "bird");
    let rejects = archived(&["--object", "rejects"], &world).await;
    let first: Value = serde_json::from_str(rejects.lines().next().unwrap()).unwrap();
    assert!(first["reasons"][0]["code"].is_string(), "{first}");
    let shapes = ["--object", "rejects.json", "--format", "geojson"];
    let shapes: Value = serde_json::from_str(&archived(&shapes, &world).await).unwrap();
    let feature = &shapes["features"][0];
    assert_eq!(feature["properties"]["reasons"], first["reasons"]);
    let rows = archived(&["--object", "publish"], &world).await;
    let rejected = rejects.lines().count();
    let trips = archived(&[], &world).await.lines().count();
    assert!(rows.lines().count() <= trips - rejected);
    for row in rows.lines() {
        serde_json::from_str::<&RawValue>(row).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_occurrence_of_an_hour_and_former_archives_have_names() {
    let world = world().await;
    let range = run("bird", "2020-11-01-00", "2020-11-01-02");
    world.expect(0, &with(&range, &["--no-sync-socrata"])).await;
    let list = ["archive", "list", "--provider", "bird,lime"];
    let hours = ["--time-min", "2020-11-01-00", "--time-max", "2020-11-01-02"];
    let listed = with(&list, &hours);
    let text = stdout(&world.expect(0, &listed).await);
    let heading = text.lines().next().unwrap();
    let heading: Vec<_> = heading.split_whitespace().collect();
    assert_eq!(heading, ["provider", "block", "bytes", "modified", "key"]);

    let json = stdout(&world.expect(0, &with(&listed, &["--json"])).await);
    let objects: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(objects.len(), text.lines().count() - 1);
    let trips: Vec<_> = objects
        .iter()
        .filter(|object| object["object"] == "trips.json")
        .map(|object| object["label"].as_str().unwrap())
        .collect();
    assert_eq!(trips, ["2020-11-01-01", "2020-11-01-01b", "2020-11-01-02"]);
    for object in &objects {
        assert!(object["bytes"].as_u64().unwrap() > 0);
        assert!(object["modified"].as_str().unwrap().ends_with('Z'));
        assert!(text.contains(object["key"].as_str().unwrap()));
    }

    // The object that is listed is the one that is printed.
    let key = "bird/2020/11/1/1/trips.json";
    let vault = world.vault().await;
    let stored = vault.get_bytes(&format!("staging/{key}")).await.unwrap();
    let get = ["archive", "get", "--provider", "bird", "--time-max"];
    let second = with(&get, &["2020-11-01-01b", "--format", "json"]);
    assert_eq!(
        stdout(&world.expect(0, &second).await)
            .trim_end()
            .as_bytes(),
        stored
    );
    let copy = "staging/bird/2020/11/1/1/trips.2020-11-03T05-00-12Z.json";
    let trips = format!("staging/{key}");
    vault.copy(&trips, None, copy).await.unwrap();
    let former = with(&second, &["--object", "trips.2020-11-03T05-00-12Z.json"]);
    assert_eq!(
        stdout(&world.expect(0, &former).await)
            .trim_end()
            .as_bytes(),
        stored
    );
}

#[rstest]
#[case::not_archived(
    &["get", "--provider", "lime", "--time-max", "2020-01-15-13"],
    "lime 2020-01-15-13 is not archived",
    "run `mds extract --provider lime --time-max 2020-01-15-13`"
)]
#[case::unknown_provider(
    &["get", "--provider", "brid", "--time-max", "2020-01-15-13"],
    "brid 2020-01-15-13 is not archived",
    "the providers file has no `brid`, it has: bird, lime"
)]
#[case::no_telemetry(
    &["get", "--provider", "bird", "--time-max", "2020-01-15-13", "--object", "telemetry"],
    "bird 2020-01-15-13 has no telemetry.json",
    "only MDS 2.0"
)]
#[case::not_loaded(
    &["get", "--provider", "bird", "--time-max", "2020-01-15-13", "--object", "rejects"],
    "bird 2020-01-15-13 has no rejects.json",
    "run `mds sync-db --provider bird --time-max 2020-01-15-13`"
)]
#[case::no_such_object(
    &["get", "--provider", "bird", "--time-max", "2020-01-15-13", "--object", "trip"],
    "no object `trip.json`",
    "it has trips"
)]
#[case::no_routes(
    &["get", "--provider", "bird", "--time-max", "2020-01-15-13", "--object", "extract", "--format", "geojson"],
    "extract.json has no routes",
    "trips, refused and rejects"
)]
#[case::nothing_in_the_range(
    &["list", "--provider", "lime", "--time-max", "2020-01-15-13", "--interval", "30"],
    "lime 2020-01-14-08 to 2020-01-15-13: nothing is archived",
    "run `mds extract --provider lime --time-min 2020-01-14-07 --time-max 2020-01-15-13`"
)]
#[case::no_time(
    &["get", "--provider", "bird", "--time-max", "2020-01-15"],
    "2020-01-15",
    "has no hour"
)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_named_with_the_way_out(
    #[case] args: &[&str],
    #[case] what: &str,
    #[case] way: &str,
) {
    let world = world().await;
    let extract = [
        "extract",
        "--provider",
        "bird",
        "--time-max",
        "2020-01-15-13",
    ];
    world.expect(0, &extract).await;
    let output = world.expect(2, &with(&["archive"], args)).await;
    let error = stderr(&output);
    assert!(error.contains(what) && error.contains(way), "{error}");
    assert_eq!(stdout(&output), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_read_enough_is_no_error() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let mut command: Command = world.mds(&GET);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let output = output.await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!stderr(&output).contains("Broken pipe"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_refuses_a_request_is_named_and_no_archive_is_called_missing() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (_link, variable) = world.bucket_refusing("HEAD", "trips.json").await;
    let mut command = world.mds(&with(&GET, &["--object", "telemetry"]));
    command.envs(variable);
    let said = stderr(&World::output_of(command).await);
    assert!(said.contains("S3 refused the request"), "{said}");
    assert!(!said.contains("is not archived"), "{said}");
}
