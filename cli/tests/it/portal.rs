//! What the portal receives, and how failed uploads are repaired.

use std::collections::{BTreeMap, BTreeSet};

use rstest::rstest;
use sandbox_provider::{Rates, Rhythm};
use serde_json::{Map, Value, json};
use trips::status::BlockStatus::{PublishFailed, Published};

use crate::support::{ONE_HOUR, World, hour, options, stderr, stdout, with, world, world_of};

const PUBLIC_FIELDS: [&str; 18] = [
    "trip_id",
    "device_id",
    "vehicle_type",
    "trip_duration",
    "trip_distance",
    "start_time",
    "end_time",
    "modified_date",
    "start_time_us_central",
    "end_time_us_central",
    "year",
    "month",
    "hour",
    "day_of_week",
    "council_district_start",
    "council_district_end",
    "census_geoid_start",
    "census_geoid_end",
];

/// One provider with 40 valid trips in every hour, uploaded in chunks of ten.
async fn forty_trips_in_four_uploads() -> World {
    let mut options = options(&["bird"]);
    options.settings = Map::from_iter([("SOCRATA_CHUNK_ROWS".to_owned(), json!(10))]);
    let bird = options.providers.get_mut("bird").unwrap();
    bird.rates = Rates::none();
    bird.rhythm = Rhythm::Flat;
    world_of(options).await
}

/// No fault, for uploads that succeed before one that fails.
const NO_FAULT: sandbox_portal::Fault = sandbox_portal::Fault::Slow(std::time::Duration::ZERO);

fn refusal(status: u16) -> sandbox_portal::Fault {
    sandbox_portal::Fault::Status {
        status,
        retry_after: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_stumbles_is_waited_for() {
    let world = forty_trips_in_four_uploads().await;
    let throttled = sandbox_portal::Fault::Status {
        status: 429,
        retry_after: Some(1),
    };
    let dropped = |applied| sandbox_portal::Fault::DropConnection { applied };
    for fault in [
        sandbox_portal::Fault::HtmlPage200,
        refusal(503),
        NO_FAULT,
        throttled,
        NO_FAULT,
        dropped(true),
        NO_FAULT,
        dropped(false),
    ] {
        world.stack.portal.fail_next(fault);
    }
    let began = std::time::Instant::now();
    world.expect(0, &ONE_HOUR).await;
    assert!(
        began.elapsed().as_secs_f64() >= 1.0,
        "waits as long as Retry-After says"
    );
    assert_eq!(world.statuses().await, [Published]);
    world.expect_whole(&["bird"], &["12"]).await;
    let ok = Some(200);
    assert_eq!(
        world.uploads(),
        [ok, Some(503), ok, Some(429), ok, None, ok, None, ok]
    );
}

#[rstest]
#[case::refused(vec![refusal(400)], "SocrataRejected")]
#[case::unavailable(vec![refusal(503); 4], "SocrataUnavailable")]
#[case::throttled(vec![refusal(429); 4], "SocrataThrottled")]
#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_reach_the_portal_is_sent_by_the_next_run_and_nothing_twice(
    #[case] faults: Vec<sandbox_portal::Fault>,
    #[case] error: &str,
) {
    let world = forty_trips_in_four_uploads().await;
    world.stack.portal.fail_next(NO_FAULT);
    let failing = faults.len();
    for fault in faults {
        world.stack.portal.fail_next(fault);
    }
    let output = world.expect(1, &ONE_HOUR).await;
    let named = format!("failed: 1 block of bird, sync-socrata ({error}): ");
    assert!(stdout(&output).contains(&named), "{}", stdout(&output));
    assert_eq!(world.statuses().await, [PublishFailed]);
    assert_eq!(world.stack.portal.row_count(), 10);
    let requests = world.request_count();

    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    world.expect_whole(&["bird"], &["12"]).await;
    assert_eq!(world.uploads().len(), 4 + failing);
    let taken = world.uploads().into_iter().filter(|it| *it == Some(200));
    assert_eq!(taken.count(), 4);
    assert_eq!(world.request_count(), requests);
    let counts = world
        .text("SELECT socrata_status::text FROM api.schedule")
        .await;
    let counts: Value = serde_json::from_str(&counts).unwrap();
    assert_eq!(
        (&counts["created"], &counts["updated"], &counts["errors"]),
        (&json!(40), &json!(0), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_portal_refuses_in_an_answer_of_200_fail_the_block_until_they_are_taken() {
    let world = forty_trips_in_four_uploads().await;
    world.stack.portal.fail_next(NO_FAULT);
    world
        .stack
        .portal
        .fail_next(sandbox_portal::Fault::ErrorsIn200 { rows: 3 });
    let output = world.expect(1, &ONE_HOUR).await;
    assert!(stdout(&output).contains("failed: 1 block of bird, sync-socrata (SocrataRejected): "));
    assert_eq!(world.statuses().await, [PublishFailed]);
    assert_eq!(world.stack.portal.row_count(), 37);
    let message = world.text("SELECT message FROM api.schedule").await;
    assert!(message.contains("refused 3 rows"), "{message}");

    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    world.expect_whole(&["bird"], &["12"]).await;
    // The first ten rows are not sent again.
    assert_eq!(world.uploads().len(), 4 + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_portal_does_not_count_are_sent_again() {
    let world = forty_trips_in_four_uploads().await;
    world.stack.portal.fail_next(NO_FAULT);
    world
        .stack
        .portal
        .fail_next(sandbox_portal::Fault::LosesRows { rows: 3 });
    let output = world.expect(1, &ONE_HOUR).await;
    assert!(stdout(&output).contains("failed: 1 block of bird, sync-socrata (SocrataRejected): "));
    assert_eq!(world.statuses().await, [PublishFailed]);
    let message = world.text("SELECT message FROM api.schedule").await;
    assert!(message.contains("10 were sent"), "{message}");

    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    world.expect_whole(&["bird"], &["12"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_upload_that_was_interrupted_goes_on_when_it_is_forced_again() {
    let world = forty_trips_in_four_uploads().await;
    world.expect(0, &ONE_HOUR).await;
    let forced = with(&["sync-socrata", "--force"], &ONE_HOUR[1..]);
    let taken = || {
        let uploads = world.uploads();
        uploads.iter().filter(|it| **it == Some(200)).count()
    };
    let interrupt = async || {
        for fault in [NO_FAULT, NO_FAULT]
            .into_iter()
            .chain(vec![refusal(503); 4])
        {
            world.stack.portal.fail_next(fault);
        }
        world.expect(1, &forced).await;
        assert_eq!(world.statuses().await, [PublishFailed]);
    };
    assert_eq!(taken(), 4);
    interrupt().await;
    assert_eq!(taken(), 4 + 2);
    world.expect(0, &forced).await;
    assert_eq!(taken(), 4 + 4, "only what was left is sent");
    assert_eq!(world.statuses().await, [Published]);

    // It was complete, so the next one begins with the first row.
    world.expect(0, &forced).await;
    assert_eq!(taken(), 8 + 4);

    // The rows that were sent have another form than those that are left.
    interrupt().await;
    world
        .edit_settings(|settings| settings["PUBLIC_TIME_ROUNDING_MINUTES"] = json!(60))
        .await;
    world.expect(0, &forced).await;
    assert_eq!(taken(), 12 + 2 + 4);
    for row in world.stack.portal.rows() {
        let end = row["end_time"].as_str().unwrap();
        assert!(end.ends_with(":00:00"), "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_are_the_public_fields_and_ids_only() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let rows = world.object("bird/2020/1/15/12/publish.json").await;
    let rows = rows.as_array().unwrap();
    assert_eq!(
        rows.len() as u64,
        world.stack.providers["bird"]
            .expected(hour("2020-01-15-12"))
            .distinct
    );
    for row in rows {
        let names: Vec<_> = row
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            names.iter().collect::<BTreeSet<_>>(),
            PUBLIC_FIELDS.iter().collect()
        );
    }
    let theirs = world
        .number("SELECT count(*) FROM api.trips t JOIN api.trips p ON t.id IN (p.trip_id, p.device_id, p.provider_id)");
    assert_eq!(theirs.await, 0);
    let from_table = world
        .text(
            "SELECT jsonb_agg(jsonb_build_object(
                 'trip_id', t.id, 'device_id', d.id, 'vehicle_type', vehicle_type,
                 'trip_duration', trip_duration, 'trip_distance', trip_distance,
                 'start_time', to_char(start_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS'),
                 'end_time', to_char(end_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS'),
                 'modified_date', to_char(modified_date AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS'),
                 'start_time_us_central', to_char(start_time AT TIME ZONE 'US/Central', 'YYYY-MM-DD\"T\"HH24:MI:SS'),
                 'end_time_us_central', to_char(end_time AT TIME ZONE 'US/Central', 'YYYY-MM-DD\"T\"HH24:MI:SS'),
                 'year', extract(year FROM end_time AT TIME ZONE 'UTC')::int,
                 'month', extract(month FROM end_time AT TIME ZONE 'UTC')::int,
                 'hour', extract(hour FROM end_time AT TIME ZONE 'UTC')::int,
                 'day_of_week', extract(isodow FROM end_time AT TIME ZONE 'UTC')::int - 1,
                 'council_district_start', coalesce(to_jsonb(council_district_start), '0'),
                 'council_district_end', coalesce(to_jsonb(council_district_end), '0'),
                 'census_geoid_start', coalesce(to_jsonb(census_geoid_start), '0'),
                 'census_geoid_end', coalesce(to_jsonb(census_geoid_end), '0')))::text
             FROM api.trips t JOIN api.devices d USING (provider_id, device_id)",
        )
        .await;
    let from_table: Vec<Value> = serde_json::from_str(&from_table).unwrap();
    let by_id = |rows: &[Value]| -> BTreeMap<String, Value> {
        rows.iter()
            .map(|row| (row["trip_id"].to_string(), row.clone()))
            .collect()
    };
    assert_eq!(by_id(rows), by_id(&from_table));
    let portal: Vec<Value> = world
        .stack
        .portal
        .rows()
        .into_iter()
        .map(Value::Object)
        .collect();
    assert_eq!(by_id(rows), by_id(&portal));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_is_not_configured_is_found_before_anything_is_done() {
    let mut options = options(&["bird"]);
    options.settings = Map::from_iter([("SOCRATA_KEY_SECRET".to_owned(), Value::Null)]);
    let world = world_of(options).await;
    let output = world.expect(2, &ONE_HOUR).await;
    assert!(
        stderr(&output).contains("SOCRATA_KEY_SECRET is missing"),
        "{}",
        stderr(&output)
    );
    assert_eq!(world.number("SELECT count(*) FROM api.schedule").await, 0);
    // A deployment without a portal leaves the step out.
    world
        .expect(0, &with(&ONE_HOUR, &["--no-sync-socrata"]))
        .await;
    assert_eq!(
        world
            .number("SELECT count(*) FROM api.schedule WHERE status_id IN (5, 6)")
            .await,
        1
    );
}
