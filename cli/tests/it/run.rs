//! What a run does with hours that go well, badly and oddly, and what it leaves in the bucket, the tables and the portal.

use std::collections::{BTreeMap, BTreeSet};

use rstest::rstest;
use sandbox::portal;
use sandbox::provider::{Fault, MdsVersion, Rates, Rhythm, Times};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::support::{World, hour, options, stderr, stdout, world, world_of};

const ONE_HOUR: [&str; 7] = [
    "run",
    "--provider",
    "bird",
    "--time-min",
    "2020-01-15-12",
    "--time-max",
    "2020-01-15-13",
];
const BIRD: &str = "bird/2020/1/15/12";

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

fn status(status: u16) -> Fault {
    Fault::Status {
        status,
        retry_after: None,
    }
}

impl World {
    fn fail(&self, provider: &str, civil: &str, fault: Fault) {
        self.stack.providers[provider].fail_hour(hour(civil), fault, Times::Always);
    }

    fn mend(&self) {
        for provider in self.stack.providers.values() {
            provider.clear_faults();
        }
        self.stack.portal.clear_faults();
    }

    /// Provider and civil hour of the start, with the status.
    async fn blocks(&self) -> BTreeMap<String, i64> {
        self.database
            .query(
                "SELECT provider_name || ' ' || hour, status_id::bigint
                 FROM api.schedule JOIN api.providers USING (provider_id)",
                &[],
            )
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_block_stops_no_other_and_is_named() {
    let world = world().await;
    world.fail("bird", "2020-01-15-12", status(500));
    world.fail("bird", "2020-01-15-13", Fault::TruncatedJson);
    world.fail("bird", "2020-01-15-14", Fault::HtmlPage200);
    world.fail("lime", "2020-01-15-12", status(401));
    world.fail("lime", "2020-01-15-13", Fault::NotReady);
    world.fail("lime", "2020-01-15-14", Fault::ErrorObject200);
    let range = [
        "run",
        "--provider",
        "all",
        "--time-min",
        "2020-01-15-12",
        "--time-max",
        "2020-01-15-16",
    ];
    let failures = [
        "bird 2020-01-15T18:00Z extract (ProviderUnavailable)",
        "lime 2020-01-15T18:00Z extract (ProviderRejected)",
        "bird 2020-01-15T19:00Z extract (ProviderMalformed)",
        "bird 2020-01-15T20:00Z extract (ProviderMalformed)",
        "lime 2020-01-15T20:00Z extract (ProviderMalformed)",
    ];

    let output = world.expect(1, &range).await;
    let summary = stdout(&output);
    assert!(
        summary.contains(
            "of 8 blocks 2 done, 1 not published by the provider yet, 5 failed, 0 did not end"
        ),
        "{summary}"
    );
    assert!(
        summary
            .trim_end()
            .ends_with(&format!("; failed: {}", failures.join(", "))),
        "{summary}"
    );
    let expected = [
        ("bird 12", -2),
        ("bird 13", -2),
        ("bird 14", -2),
        ("bird 15", 8),
        ("lime 12", -2),
        ("lime 13", 1),
        ("lime 14", -2),
        ("lime 15", 8),
    ];
    assert_eq!(
        world.blocks().await,
        expected
            .map(|(block, status)| (block.to_owned(), status))
            .into()
    );
    let archives: Vec<_> = world
        .objects()
        .await
        .into_keys()
        .filter(|key| key.ends_with("/trips.json"))
        .collect();
    assert_eq!(
        archives,
        [
            "staging/bird/2020/1/15/15/trips.json",
            "staging/lime/2020/1/15/15/trips.json"
        ]
    );
    let message = world.text("SELECT message FROM api.schedule JOIN api.providers USING (provider_id) WHERE provider_name = 'lime' AND hour = 12").await;
    assert!(
        message.starts_with("ProviderRejected: provider lime refuses"),
        "{message}"
    );

    // For a program, and with what still fails asked again.
    let output = world.expect(1, &[&["--json"], &range[..]].concat()).await;
    let summary: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        (
            &summary["planned"],
            &summary["not_ready"],
            &summary["failed"]
        ),
        (&json!(6), &json!(1), &json!(5))
    );
    let names: Vec<_> = summary["first_failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| &block["error_name"])
        .collect();
    assert_eq!(names[..2], ["ProviderUnavailable", "ProviderRejected"]);

    world.mend();
    world.expect(0, &range).await;
    assert_eq!(world.statuses().await, [8; 8]);
    world
        .expect_whole(&["bird", "lime"], &["12", "13", "14", "15"])
        .await;
}

impl World {
    /// Every good trip of these hours of 15 January is loaded and published, and none beside them.
    async fn expect_whole(&self, providers: &[&str], hours: &[&str]) {
        let expected = providers.iter().flat_map(|provider| {
            let provider = &self.stack.providers[*provider];
            hours
                .iter()
                .map(|h| provider.expected(hour(&format!("2020-01-15-{h}"))).distinct)
        });
        let expected: u64 = expected.sum();
        assert_eq!(
            self.number("SELECT count(*) FROM api.trips").await,
            expected.cast_signed()
        );
        assert_eq!(self.stack.portal.row_count() as u64, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_is_not_published_yet_is_no_failure_and_is_asked_for_again() {
    let world = world().await;
    world.fail("bird", "2020-01-15-12", Fault::NotReady);
    let output = world.expect(0, &ONE_HOUR).await;
    assert!(stdout(&output).contains("1 not published by the provider yet, 0 failed"));
    assert_eq!(world.statuses().await, [1]);
    assert!(world.objects().await.is_empty());

    world.mend();
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [8]);
    world.expect_whole(&["bird"], &["12"]).await;
}

/// One provider with 40 good trips in every hour, sent to the portal ten at a time.
async fn forty_trips_in_four_uploads() -> World {
    let mut options = options(&["bird"]);
    options.settings = Map::from_iter([("SOCRATA_CHUNK_ROWS".to_owned(), json!(10))]);
    let bird = options.providers.get_mut("bird").unwrap();
    bird.rates = Rates::none();
    bird.rhythm = Rhythm::Flat;
    world_of(options).await
}

/// A fault that does no harm, for uploads that are to go well before one that is not.
const NO_FAULT: portal::Fault = portal::Fault::Slow(std::time::Duration::ZERO);

fn refusal(status: u16) -> portal::Fault {
    portal::Fault::Status {
        status,
        retry_after: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_stumbles_is_waited_for() {
    let world = forty_trips_in_four_uploads().await;
    let throttled = portal::Fault::Status {
        status: 429,
        retry_after: Some(1),
    };
    let dropped = |applied| portal::Fault::DropConnection { applied };
    for fault in [
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
        "Retry-After is waited out"
    );
    assert_eq!(world.statuses().await, [8]);
    world.expect_whole(&["bird"], &["12"]).await;
    let ok = Some(200);
    assert_eq!(
        world.uploads(),
        [Some(503), ok, Some(429), ok, None, ok, None, ok]
    );
}

#[rstest]
#[case::refused(vec![refusal(400)], "SocrataRejected")]
#[case::unavailable(vec![refusal(503); 4], "SocrataUnavailable")]
#[case::throttled(vec![refusal(429); 4], "SocrataThrottled")]
#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_reach_the_portal_is_sent_by_the_next_run_and_nothing_twice(
    #[case] faults: Vec<portal::Fault>,
    #[case] error: &str,
) {
    let world = forty_trips_in_four_uploads().await;
    world.stack.portal.fail_next(NO_FAULT);
    let failing = faults.len();
    for fault in faults {
        world.stack.portal.fail_next(fault);
    }
    let output = world.expect(1, &ONE_HOUR).await;
    let named = format!("bird 2020-01-15T18:00Z sync-socrata ({error})");
    assert!(stdout(&output).contains(&named), "{}", stdout(&output));
    assert_eq!(world.statuses().await, [-8]);
    assert_eq!(world.stack.portal.row_count(), 10);
    let asked = world.stack.providers["bird"].log().total();

    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [8]);
    world.expect_whole(&["bird"], &["12"]).await;
    assert_eq!(world.uploads().len(), 4 + failing);
    assert_eq!(world.stack.portal.log().count(200), 4);
    assert_eq!(world.stack.providers["bird"].log().total(), asked);
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
        .fail_next(portal::Fault::ErrorsIn200 { rows: 3 });
    let output = world.expect(1, &ONE_HOUR).await;
    assert!(stdout(&output).contains("sync-socrata (SocrataRejected)"));
    assert_eq!(world.statuses().await, [-8]);
    assert_eq!(world.stack.portal.row_count(), 37);
    let message = world.text("SELECT message FROM api.schedule").await;
    assert!(message.contains("refused 3 rows"), "{message}");

    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [8]);
    world.expect_whole(&["bird"], &["12"]).await;
    // The first ten rows had been taken for good.
    assert_eq!(world.uploads().len(), 4 + 3);
}

/// Why our rules refuse a trip as the provider sent it, as far as the provider makes such trips.
fn reason_to_refuse(trip: &Value) -> Option<Value> {
    let last = trip["route"]["features"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    if trip.get("device_id").is_none() {
        return Some(json!({"code": "missing_field", "field": "device_id"}));
    }
    if trip["start_time"].as_i64() > trip["end_time"].as_i64() {
        return Some(json!({"code": "end_before_start"}));
    }
    (last["geometry"]["coordinates"][1].as_f64().unwrap().abs() > 90.0)
        .then(|| json!({"code": "off_the_globe", "end": "end", "swapped_fits": false}))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trip_is_loaded_refused_with_a_reason_or_counted_as_a_duplicate() {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    bird.trips_per_hour = 300.0;
    bird.rhythm = Rhythm::Flat;
    bird.rates = Rates {
        duplicates: 0.05,
        missing_device: 0.03,
        end_before_start: 0.03,
        off_globe: 0.03,
        null_island: 0.02,
        outside: 0.1,
        phantom: 0.05,
        absurd_distance: 0.02,
    };
    let world = world_of(options).await;
    let provider = &world.stack.providers["bird"];
    let start = hour("2020-01-15-12");
    let expected = provider.expected(start);
    let duplicates = expected.sent - expected.distinct - expected.bad;
    assert!(duplicates > 0 && expected.bad > 10);

    let output = world
        .expect(
            0,
            &[&["--json"], &ONE_HOUR[..], &["--no-sync-socrata"]].concat(),
        )
        .await;
    let summary: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let counts = [
        "trips_fetched",
        "trips_loaded",
        "trips_rejected",
        "trips_duplicates",
    ]
    .map(|name| summary[name].as_u64().unwrap());
    assert_eq!(
        counts,
        [expected.sent, expected.distinct, expected.bad, duplicates]
    );
    assert_eq!(world.statuses().await, [6]);
    assert_eq!(
        world.number("SELECT count(*) FROM api.trips").await,
        expected.distinct.cast_signed()
    );
    let row = world.text(
        "SELECT concat_ws(' ', records_total, records_processed, records_error_count, records_duplicate_count,
             payload_trips_count, rerun_flag) FROM api.schedule",
    );
    assert_eq!(
        row.await,
        format!(
            "{} {} {} {duplicates} {} t",
            expected.sent, expected.distinct, expected.bad, expected.sent
        )
    );

    let sent: Vec<Value> = provider
        .feed()
        .trips(start)
        .map(|trip| serde_json::from_str(&trip).unwrap())
        .collect();
    let refused: Vec<_> = sent
        .iter()
        .filter_map(|trip| Some(json!({"trip_id": trip["trip_id"], "reasons": [reason_to_refuse(trip)?], "trip": trip})))
        .collect();
    assert_eq!(refused.len() as u64, expected.bad);
    assert_eq!(
        world.object(&format!("{BIRD}/rejects.json")).await,
        Value::from(refused.clone())
    );
    let mut reasons = BTreeMap::<String, u64>::new();
    for refused in &refused {
        let reason = &refused["reasons"][0];
        let about = reason.get("field").or(reason.get("end"));
        let about = about
            .map(|about| format!(":{}", about.as_str().unwrap()))
            .unwrap_or_default();
        *reasons
            .entry(format!("{}{about}", reason["code"].as_str().unwrap()))
            .or_default() += 1;
    }
    let noted = world
        .text("SELECT error_payload::text FROM api.schedule")
        .await;
    assert_eq!(
        serde_json::from_str::<Value>(&noted).unwrap(),
        json!({ "reasons": reasons })
    );

    // Rejects keep nothing from being published.
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [8]);
    assert_eq!(world.stack.portal.row_count() as u64, expected.distinct);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_are_the_public_fields_and_ids_only() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let rows = world.object(&format!("{BIRD}/publish.json")).await;
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

#[derive(Deserialize)]
struct Archive {
    version: String,
    data: ArchiveData,
}

#[derive(Deserialize)]
struct ArchiveData {
    trips: Vec<Box<RawValue>>,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_archive_holds_every_trip_digit_for_digit_and_a_report_of_how_it_came() {
    let mut options = options(&["bird", "lime", "skip"]);
    let lime = options.providers.get_mut("lime").unwrap();
    (lime.version, lime.rhythm, lime.page_size) = (MdsVersion::V0_3, Rhythm::Flat, Some(15));
    // Its times are seconds with a fraction, and it is asked for more than the hour.
    options.providers.get_mut("skip").unwrap().version = MdsVersion::V0_2;
    let world = world_of(options).await;
    let start = hour("2020-01-15-12");
    world
        .expect(
            0,
            &["run", "--provider", "all", "--time-max", "2020-01-15-13"],
        )
        .await;

    for (name, version, pages) in [("bird", "1.2", 1), ("lime", "0.3", 3), ("skip", "0.2", 1)] {
        let provider = &world.stack.providers[name];
        let folder = format!("{name}/2020/1/15/12");
        let payload = world
            .vault()
            .await
            .get_bytes(&format!("staging/{folder}/trips.json"))
            .await
            .unwrap();
        let archive: Archive = serde_json::from_slice(&payload).unwrap();
        assert!(archive.version.starts_with(version), "{}", archive.version);
        let archived: Vec<_> = archive.data.trips.iter().map(|trip| trip.get()).collect();
        let sent: Vec<_> = provider.feed().trips(start).collect();
        assert_eq!(archived, sent);

        let mut report = world.object(&format!("{folder}/extract.json")).await;
        let report = report.as_object_mut().unwrap();
        if name == "skip" {
            report.insert("trips_outside_window".to_owned(), json!(0));
        }
        let sha256: String = Sha256::digest(&payload)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let known = json!({
            "provider": name,
            "block_start": "2020-01-15T18:00:00Z",
            "block_end": "2020-01-15T19:00:00Z",
            "trips_key": format!("staging/{folder}/trips.json"),
            "sha256": sha256,
            "payload_bytes": payload.len(),
            "pages": pages,
            "trips": provider.expected(start).sent,
            "trips_outside_window": 0,
            "http_status": 200,
            "version_served": archive.version,
            "requests": pages,
            "asked": match name {
                "bird" => "end_time=2020-01-15T18",
                "lime" => "min_end_time=1579111200000&max_end_time=1579114800000",
                _ => "start_time=1579024800&end_time=1579118400",
            },
        });
        for (field, value) in known.as_object().unwrap() {
            assert_eq!(
                report.remove(field).as_ref(),
                Some(value),
                "{field} of {name}"
            );
        }
        assert_eq!(
            report.keys().collect::<Vec<_>>(),
            ["bytes", "ended_at", "started_at"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_load_of_a_missing_archive_fails_by_name_and_the_next_run_heals_it() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let (trips, portal) = (world.trips().await, world.portal());
    std::fs::remove_file(world.archive_file("bird", "2020/1/15/12")).unwrap();

    let output = world
        .expect(1, &[&ONE_HOUR[..], &["--force", "--no-extract"]].concat())
        .await;
    assert!(
        stdout(&output).contains("bird 2020-01-15T18:00Z sync-db (ArchiveMissing)"),
        "{}",
        stdout(&output)
    );
    assert_eq!(world.statuses().await, [-2]);
    assert_eq!((&trips, &portal), (&world.trips().await, &world.portal()));

    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [8]);
    assert!(world.archive_file("bird", "2020/1/15/12").exists());
    assert_eq!((trips, portal), (world.trips().await, world.portal()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_archive_fails_by_name_is_left_as_it_is_and_is_replaced_by_force() {
    let world = world().await;
    let two_hours = [
        "run",
        "--provider",
        "bird",
        "--time-min",
        "2020-01-15-12",
        "--interval",
        "2",
    ];
    world.expect(0, &two_hours).await;
    let (trips, portal) = (world.trips().await, world.portal());
    let damaged = world.archive_file("bird", "2020/1/15/12");
    std::fs::write(&damaged, "gAAAAAdamaged").unwrap();

    let output = world
        .expect(1, &[&two_hours[..], &["--force", "--no-extract"]].concat())
        .await;
    let summary = stdout(&output);
    assert!(
        summary.contains("1 done")
            && summary.contains("bird 2020-01-15T18:00Z sync-db (ArchiveUnreadable)"),
        "{summary}"
    );
    assert_eq!(world.statuses().await, [-5, 8]);
    assert_eq!((&trips, &portal), (&world.trips().await, &world.portal()));
    // It may be a key that is missing in the configuration: what the archive holds may be all there is.
    world.expect(1, &two_hours).await;
    assert_eq!(std::fs::read(&damaged).unwrap(), b"gAAAAAdamaged");

    world
        .expect(0, &[&two_hours[..], &["--force"]].concat())
        .await;
    assert_eq!(world.statuses().await, [8, 8]);
    assert_eq!((trips, portal), (world.trips().await, world.portal()));
}

#[tokio::test(flavor = "multi_thread")]
async fn public_rows_that_are_gone_are_made_again_from_the_archive() {
    let world = world().await;
    world
        .expect(0, &[&ONE_HOUR[..], &["--no-sync-socrata"]].concat())
        .await;
    let asked = world.stack.providers["bird"].log().total();
    std::fs::remove_file(
        world
            .archive_file("bird", "2020/1/15/12")
            .with_file_name("publish.json"),
    )
    .unwrap();

    let output = world.expect(1, &ONE_HOUR).await;
    assert!(stdout(&output).contains("sync-socrata (ArchiveMissing)"));
    assert_eq!(world.statuses().await, [-5]);
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [8]);
    world.expect_whole(&["bird"], &["12"]).await;
    assert_eq!(world.stack.providers["bird"].log().total(), asked);
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
    // Who has no portal says so.
    world
        .expect(0, &[&ONE_HOUR[..], &["--no-sync-socrata"]].concat())
        .await;
    assert_eq!(
        world
            .number("SELECT count(*) FROM api.schedule WHERE status_id IN (5, 6)")
            .await,
        1
    );
}
