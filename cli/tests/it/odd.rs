//! Feeds with trips and pages that do not follow MDS: the rest of the hour is loaded all the same.

use rstest::rstest;
use sandbox_provider::{MdsVersion, Quirk, Quirks, Rates, Rhythm};
use serde_json::{Value, json};
use trips::status::BlockStatus::Published;

use crate::support::{ONE_HOUR, World, hour, options, stderr, stdout, with, world_of};

const FOLDER: &str = "bird/2020/1/15/12";

/// A provider with twelve valid trips in every hour, but for this quirk.
async fn world_with(quirk: Quirk) -> World {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    bird.version = MdsVersion::V1_0;
    bird.trips_per_hour = 12.0;
    bird.rhythm = Rhythm::Flat;
    bird.rates = Rates::none();
    bird.quirks = Quirks::from([quirk]);
    options
        .provider_settings
        .insert("paging".to_owned(), json!(true));
    world_of(options).await
}

/// Number of trips fetched, loaded and rejected.
async fn counts(world: &World) -> (i64, i64, i64) {
    let number = async |column| {
        let query = format!("SELECT {column}::bigint FROM api.schedule");
        world.number(&query).await
    };
    (
        number("records_total").await,
        number("records_processed").await,
        number("records_error_count").await,
    )
}

/// The trips of an archive, as text: not all of them are JSON.
async fn archive(world: &World) -> String {
    let key = format!("staging/{FOLDER}/trips.json");
    String::from_utf8(world.vault().await.get_bytes(&key).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_not_finite_costs_its_trip_and_not_the_hour() {
    let world = world_with(Quirk::NonFiniteNumbers).await;
    world.expect(0, &ONE_HOUR).await;
    let (fetched, loaded, rejected) = counts(&world).await;
    assert_eq!(fetched, 12);
    assert_eq!((loaded, rejected), (9, 3));
    assert_eq!(world.statuses().await, [Published]);
    let archived = archive(&world).await;
    let odd = "{\"max_speed\":NaN,\"min_speed\":[-Infinity],";
    assert_eq!(archived.matches(odd).count(), 3, "as they were sent");
    let rejects = world.object(&format!("{FOLDER}/rejects.json")).await;
    for reject in rejects.as_array().unwrap() {
        assert_eq!(reject["reasons"], json!([{"code": "non_finite_number"}]));
        assert!(reject["trip"].as_str().unwrap().starts_with(odd));
        assert!(reject["trip_id"].is_string());
    }

    // The archive, which is what the older tools left too, loads again with the same result.
    let again = with(&ONE_HOUR, &["--force", "--no-extract"]);
    world.expect(0, &again).await;
    assert_eq!(counts(&world).await, (12, 9, 3));

    // The same response is recognised.
    let stored = archive(&world).await;
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    assert_eq!(archive(&world).await, stored);
    let changes = "SELECT trips_new + trips_changed + trips_gone FROM api.schedule";
    assert_eq!(world.number(changes).await, 0);
}

/// What was sent, restored from an archive with what stands in the place of such trips.
fn restored(archive: &str) -> Vec<u8> {
    let archive: Value = serde_json::from_str(archive).unwrap();
    let mut sent = br#"{"version":"1.0.0","data":{"trips":["#.to_vec();
    for (index, trip) in archive["data"]["trips"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
    {
        if index > 0 {
            sent.push(b',');
        }
        match trip["mds_etl_not_utf8"]["latin1"].as_str() {
            Some(text) => sent.extend(text.chars().map(|c| u8::try_from(c).unwrap())),
            None => sent.extend(trip.to_string().into_bytes()),
        }
    }
    sent.extend(b"]}}");
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_not_utf_8_costs_its_trip_and_not_the_hour() {
    let world = world_with(Quirk::Latin1).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(counts(&world).await, (12, 9, 3));
    assert_eq!(world.statuses().await, [Published]);
    let rejects = world.object(&format!("{FOLDER}/rejects.json")).await;
    for reject in rejects.as_array().unwrap() {
        assert_eq!(reject["reasons"], json!([{"code": "not_utf8"}]));
        assert!(reject["trip_id"].is_string());
        let trip = &reject["trip"];
        assert_eq!(trip["parked_at"], "Caf\u{fffd}");
        let text = trip["mds_etl_not_utf8"]["latin1"].as_str().unwrap();
        assert!(text.starts_with("{\"parked_at\":\"Caf\u{e9}\",\"provider_id\":\""));
    }

    // The same response is recognised, and the archive loads again with the same result.
    let stored = archive(&world).await;
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    assert_eq!(archive(&world).await, stored);
    let changes = "SELECT trips_new + trips_changed + trips_gone FROM api.schedule";
    assert_eq!(world.number(changes).await, 0);
    assert_eq!(counts(&world).await, (12, 9, 3));

    // An archive of the older tools has the bytes themselves.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trips.json");
    let sent = restored(&stored);
    assert_eq!(sent.iter().filter(|byte| **byte == 0xe9).count(), 3);
    std::fs::write(&file, sent).unwrap();
    let load = [
        &["sync-db", "--force", "--file", file.to_str().unwrap()],
        &ONE_HOUR[1..],
    ]
    .concat();
    world.expect(0, &load).await;
    assert_eq!(counts(&world).await, (12, 9, 3));
    assert_eq!(
        world.object(&format!("{FOLDER}/rejects.json")).await,
        rejects
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_over_the_size_limit_costs_itself_and_not_the_hour() {
    let world = world_with(Quirk::HugeTrip).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(counts(&world).await, (12, 11, 1));
    let report = world.object(&format!("{FOLDER}/extract.json")).await;
    assert_eq!(report["trips_too_large"], 1);
    assert_eq!(report["trips"], 12);
    let rejects = world.object(&format!("{FOLDER}/rejects.json")).await;
    assert_eq!(rejects[0]["reasons"], json!([{"code": "too_large"}]));
    let marker = &rejects[0]["trip"]["mds_etl_too_large"];
    assert!(marker["bytes"].as_u64().unwrap() > 64 << 20, "{marker}");
    assert_eq!(marker["sha256"].as_str().unwrap().len(), 64);
}

#[rstest]
#[case::lost_query(Quirk::NextWithoutQuery, 3, None)]
#[case::links_to_itself(Quirk::EmptyPageLoops, 4, None)]
#[case::without_end(Quirk::EmptyPagesEndless, 63, Some(true))]
#[case::in_between(Quirk::EmptyPagesBetween, 5, None)]
#[tokio::test(flavor = "multi_thread")]
async fn odd_links_lead_to_all_trips_of_the_hour_and_to_no_others(
    #[case] quirk: Quirk,
    #[case] pages: u64,
    #[case] empty_pages_left: Option<bool>,
) {
    let world = world_with(quirk).await;
    world.expect(0, &ONE_HOUR).await;
    world.expect_whole(&["bird"], &["12"]).await;
    let outside = "SELECT count(*) FROM api.trips WHERE 'outside_hour' = ANY (flags)";
    assert_eq!(world.number(outside).await, 0);
    let report = world.object(&format!("{FOLDER}/extract.json")).await;
    assert_eq!(report["pages"], pages);
    assert_eq!(
        report.get("empty_pages_left"),
        empty_pages_left.map(Value::from).as_ref()
    );
    let message = "SELECT coalesce(message, '') FROM api.schedule";
    assert_eq!(
        world
            .text(message)
            .await
            .ends_with(", up to empty pages that have no end"),
        empty_pages_left == Some(true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_without_content_has_no_trips() {
    let world = world_with(Quirk::NoContent).await;
    world.expect(0, &ONE_HOUR).await;
    let report = world.object(&format!("{FOLDER}/extract.json")).await;
    assert_eq!(
        (&report["http_status"], &report["trips"]),
        (&json!(204), &json!(0))
    );
    assert!(
        world.stack.providers["bird"]
            .expected(hour("2020-01-15-12"))
            .sent
            > 0
    );
    assert_eq!(
        world
            .number("SELECT status_id::bigint FROM api.schedule")
            .await,
        7
    );
}

/// It is loaded, but lacks the trips of the other pages.
#[tokio::test(flavor = "multi_thread")]
async fn an_hour_whose_next_page_is_left_says_so() {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    bird.version = MdsVersion::V1_0;
    bird.quirks = Quirks::from([Quirk::ForbiddenPages]);
    let settings = &mut options.provider_settings;
    settings.insert("paging".to_owned(), json!(false));
    let world = world_of(options).await;
    let output = world.expect(0, &with(&ONE_HOUR, &["--no-sync-db"])).await;
    let log = stderr(&output);
    let warning = "provider names a next page, which is not requested since paging is off";
    assert!(log.contains(warning), "{log}");
    let message = world.text("SELECT message FROM api.schedule").await;
    assert!(
        message.ends_with(", of the first page alone: paging is off"),
        "{message}"
    );
    let report = world.object(&format!("{FOLDER}/extract.json")).await;
    assert_eq!(report["next_page_left"], true);
    world.expect_note_to_stay(&message).await;
    world.expect_note_to_be_told(&message).await;
}

impl World {
    /// Requests and loads the hour, and checks that the run's summary and the status tell what its
    /// answer lacks, and that nobody is called because of it.
    async fn expect_note_to_be_told(&self, note: &str) {
        let again = with(&ONE_HOUR, &["--force", "--no-logs"]);
        let told = stdout(&self.expect(0, &again).await);
        let line = "may lack something: bird 2020-01-15-13: ";
        assert!(told.contains(line) && told.contains(note), "{told}");
        let load = with(&again, &["--no-extract", "--json"]);
        let report: Value = serde_json::from_slice(&self.expect(0, &load).await.stdout).unwrap();
        assert_eq!(report["noted"], 1);
        assert_eq!(report["first_noted"][0]["label"], "2020-01-15-13");
        // A run that only publishes moves no answer.
        let mut publish = with(&ONE_HOUR, &["--force", "--json"]);
        publish[0] = "sync-socrata";
        let report: Value = serde_json::from_slice(&self.expect(0, &publish).await.stdout).unwrap();
        assert_eq!(report["noted"], 0);

        let since = ["status", "--since", "2020-01-15", "--json"];
        let report: Value = serde_json::from_slice(&self.output(&since).await.stdout).unwrap();
        let problems = report["providers"][0]["problems"].as_array().unwrap();
        let whole: Vec<_> = problems
            .iter()
            .filter(|it| it["state"] == "whole")
            .collect();
        assert_eq!(whole.len(), 1, "{report}");
        let text = whole[0]["message"].as_str().unwrap();
        assert!(text.contains(note), "{text}");
        assert_eq!(whole[0]["needs_a_person"], false);
        let command = whole[0]["command"].as_str().unwrap();
        assert!(command.ends_with(" --force"), "{command}");
    }

    /// Loads and publishes the hour, also by force and into a new database, and checks that its row
    /// still tells what its answer lacks.
    async fn expect_note_to_stay(&self, note: &str) {
        let current = "SELECT message FROM api.schedule";
        for flags in [&[][..], &["--force", "--no-extract"]] {
            self.expect(0, &with(&ONE_HOUR, flags)).await;
            assert_eq!(self.statuses().await, [Published]);
            assert_eq!(self.text(current).await, note);
        }
        self.database
            .batch_execute("TRUNCATE api.schedule, api.trips CASCADE")
            .await
            .unwrap();
        self.expect(0, &ONE_HOUR).await;
        assert_eq!(self.text(current).await, note);
        self.expect(0, &with(&ONE_HOUR, &["--force"])).await;
        let message = self.text(current).await;
        assert!(message.starts_with(note), "{message}");
    }
}

/// It is loaded, but may lack what the configured version has.
#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_another_version_than_configured_is_loaded_and_says_so() {
    let mut options = options(&["bird"]);
    for (key, value) in [
        ("version", "1.1"),
        ("accept", "application/vnd.mds+json;version=1.2"),
    ] {
        let settings = &mut options.provider_settings;
        settings.insert(key.to_owned(), json!(value));
    }
    let world = world_of(options).await;
    let archive_only = with(&ONE_HOUR, &["--no-sync-db"]);
    let output = world.expect(0, &archive_only).await;
    let log = stderr(&output);
    let warning = "provider serves another version than its entry has";
    assert!(log.contains(warning), "{log}");
    let message = world.text("SELECT message FROM api.schedule").await;
    assert!(
        message.ends_with(", of version 1.2.0 instead of 1.1"),
        "{message}"
    );
    let report = world.object(&format!("{FOLDER}/extract.json")).await;
    assert_eq!(report["version_expected"], "1.1");
    world.expect_note_to_stay(&message).await;
}
