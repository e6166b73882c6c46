//! What the settings on published rows do, and the report on how much the rows tell.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, Timelike};
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::{ONE_HOUR, World, stderr, stdout, with, world_with};

const ROUNDED: [&str; 4] = [
    "start_time",
    "end_time",
    "start_time_us_central",
    "end_time_us_central",
];

/// One provider, without these settings or with them.
async fn one_provider(settings: &[(&str, Value)]) -> World {
    let settings = settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    world_with(&["bird"], Map::from_iter(settings)).await
}

fn time(row: &Value, member: &str) -> NaiveDateTime {
    row[member].as_str().unwrap().parse().unwrap()
}

fn is_quarter(time: NaiveDateTime) -> bool {
    time.minute().is_multiple_of(15) && time.second() == 0
}

fn nearest_quarter(time: NaiveDateTime) -> NaiveDateTime {
    let seconds = (time.and_utc().timestamp() + 450).div_euclid(900) * 900;
    chrono::DateTime::from_timestamp(seconds, 0)
        .unwrap()
        .naive_utc()
}

fn devices(rows: &BTreeMap<String, Value>) -> BTreeSet<&str> {
    rows.values()
        .map(|row| row["device_id"].as_str().unwrap())
        .collect()
}

/// Checks a row with rounded times against the row of the same trip with exact ones.
fn expect_rounded(row: &Value, exact: &Value) {
    for member in ROUNDED {
        assert_eq!(time(row, member), nearest_quarter(time(exact, member)));
    }
    let end = time(row, "end_time");
    assert_eq!(row["hour"], end.hour());
    assert_eq!(row["trip_duration"], exact["trip_duration"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_publish_brings_rows_into_the_form_that_the_settings_now_ask_for() {
    let world = one_provider(&[]).await;
    world.expect(0, &ONE_HOUR).await;
    let before = world.portal();
    assert!(before.len() > 10);
    let device_rows = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM api.devices";
    let forever = world.text(device_rows).await;
    assert!(devices(&before).iter().all(|id| forever.contains(id)));
    let (trips, modified) = (world.trips().await, world.modified().await);

    world
        .edit_settings(|settings| {
            settings["PUBLIC_TIME_ROUNDING_MINUTES"] = json!(15);
            settings["PUBLIC_DEVICE_ID_PERIOD"] = json!("day");
        })
        .await;
    let mut publish = ONE_HOUR;
    publish[0] = "sync-socrata";
    world.expect(0, &with(&publish, &["--force"])).await;

    let after = world.portal();
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>()
    );
    for (id, row) in &after {
        expect_rounded(row, &before[id]);
    }
    assert!(
        before
            .values()
            .any(|row| !is_quarter(time(row, "end_time")))
    );
    // All trips are of one day, so each device has one new id.
    assert_eq!(devices(&after).len(), devices(&before).len());
    assert!(devices(&after).iter().all(|id| !forever.contains(id)));
    // The table keeps what is exact, and the ids for ever.
    assert_eq!(world.text(device_rows).await, forever);
    assert_eq!(world.trips().await, trips);
    assert_eq!(world.modified().await, modified);
}

/// What an import script, or a table restored without its ids, leaves: the provider's own ids are
/// at hand, and the columns may not be null.
#[rstest]
#[case::trips("UPDATE api.trips SET id = trip_id")]
#[case::devices("UPDATE api.devices SET id = device_id")]
#[case::one_trip_by_its_device(
    "UPDATE api.trips SET id = device_id WHERE trip_id = (SELECT min(trip_id::text) FROM api.trips)::uuid"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_shows_an_id_of_the_provider_is_never_sent(#[case] spoiling: &str) {
    let world = one_provider(&[]).await;
    world.expect(0, &ONE_HOUR).await;
    let before = world.portal();
    world.database.batch_execute(spoiling).await.unwrap();
    let mut publish = ONE_HOUR;
    publish[0] = "sync-socrata";
    let output = world.expect(1, &with(&publish, &["--force"])).await;
    let said = format!("{}{}", stdout(&output), stderr(&output));
    for words in [
        "ArchiveUnreadable",
        "is an id of the provider",
        "SET id = gen_random_uuid()",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(world.portal(), before);
    let doctor = stdout(&world.output(&["doctor", "--json"]).await);
    assert!(
        doctor.contains("an id of the provider for their public id"),
        "{doctor}"
    );

    let statements = store::NEW_PUBLIC_IDS.split_once("UPDATE").unwrap().1;
    let (statements, _) = statements.rsplit_once("; then ").unwrap();
    world
        .database
        .batch_execute(&format!("UPDATE{statements}"))
        .await
        .unwrap();
    world.expect(0, &ONE_HOUR).await;
    let repair = ["--rows", "--repair", "--accept-losses"];
    let audit = [&["audit"], &ONE_HOUR[3..], &repair[..]].concat();
    world.expect(0, &audit).await;
    assert_eq!(world.portal().len(), before.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_setting_on_published_rows_is_found_before_anything_is_done() {
    for (key, value) in [
        ("PUBLIC_TIME_ROUNDING_MINUTES", json!(20)),
        ("PUBLIC_DEVICE_ID_PERIOD", json!("year")),
    ] {
        let world = one_provider(&[(key, value)]).await;
        let output = world.expect(2, &ONE_HOUR).await;
        assert!(stderr(&output).contains(key), "{}", stderr(&output));
        assert_eq!(world.number("SELECT count(*) FROM api.schedule").await, 0);
    }
}

/// How many rows are alone, counted from the rows themselves.
fn alone(rows: &[Value], shown: impl Fn(NaiveDateTime) -> NaiveDateTime) -> usize {
    let mut groups = BTreeMap::new();
    for row in rows {
        let group = (
            row["census_geoid_start"].to_string(),
            row["census_geoid_end"].to_string(),
            shown(time(row, "start_time")),
            shown(time(row, "end_time")),
        );
        *groups.entry(group).or_insert(0) += 1;
    }
    groups.values().filter(|count| **count == 1).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_privacy_report_counts_rows_that_are_alone_with_their_tracts_and_times() {
    let world = one_provider(&[]).await;
    let output = world.expect(2, &["report", "privacy"]).await;
    assert!(stderr(&output).contains("no trip is loaded"));
    world
        .expect(0, &with(&ONE_HOUR, &["--no-sync-socrata"]))
        .await;

    let rows = world.object("bird/2020/1/15/12/publish.json").await;
    let rows = rows.as_array().unwrap();
    let counts = json!({
        "rows": rows.len(),
        "alone_as_published": alone(rows, |time| time),
        "alone_at_15_minutes": alone(rows, nearest_quarter),
    });
    // Nothing is published yet, and the portal tells nothing.
    let output = world.expect(0, &["--json", "report", "privacy"]).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let month = &report["months"][0];
    assert_eq!(
        (&month["rows"], &month["alone_as_published"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(month["not_published"], rows.len());
    assert_eq!(month["with_not_published"], counts);
    let table = stdout(&world.expect(0, &["report", "privacy"]).await);
    let note = format!("{} rows are loaded and not at the portal yet.", rows.len());
    assert!(
        table.contains(&note) && table.contains("keep their times until"),
        "{table}"
    );

    world.expect(0, &ONE_HOUR).await;
    let mut month = counts;
    month["month"] = "2020-01".into();
    month["not_published"] = 0.into();
    let report = json!({"time_rounding_minutes": 0, "months": [month]});
    for args in [
        &["--json", "report", "privacy"][..],
        &["report", "privacy", "--month", "2020-01", "--json"],
    ] {
        let output = world.expect(0, args).await;
        assert_eq!(
            serde_json::from_slice::<Value>(&output.stdout).unwrap(),
            report
        );
    }
    let table = stdout(&world.expect(0, &["report", "privacy"]).await);
    assert!(table.contains("2020-01") && table.contains(&rows.len().to_string()));

    let output = world
        .expect(2, &["report", "privacy", "--month", "2020-02"])
        .await;
    assert!(stderr(&output).contains("no trip that is loaded ended in 2020-02"));
    assert_eq!(stdout(&output), "");
    let output = world
        .expect(2, &["report", "privacy", "--month", "2020-13"])
        .await;
    assert!(stderr(&output).contains("2020-13"), "{}", stderr(&output));

    // With the setting, the rows as published are those of 15 minutes, and a withdrawn one is none.
    world
        .edit_settings(|settings| settings["PUBLIC_TIME_ROUNDING_MINUTES"] = json!("15"))
        .await;
    let withdrawn = "UPDATE api.trips SET withdrawn_at = now() WHERE id = (SELECT min(id::text)::uuid FROM api.trips)";
    world.database.execute(withdrawn, &[]).await.unwrap();
    let output = world.expect(0, &["--json", "report", "privacy"]).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let month = &report["months"][0];
    assert_eq!(report["time_rounding_minutes"], 15);
    assert_eq!(month["rows"], rows.len() - 1);
    assert_eq!(month["alone_as_published"], month["alone_at_15_minutes"]);
}
