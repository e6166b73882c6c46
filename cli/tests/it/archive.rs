//! What is kept of a provider's response: every trip digit for digit, a report of the requests, and
//! the reason for each rejected trip.

use std::collections::BTreeMap;

use sandbox_provider::{MdsVersion, Rates, Rhythm};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use trips::status::BlockStatus::{LoadedWithRejects, Published};

use crate::support::{ONE_HOUR, hour, options, stdout, with, world_of};

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
    // Version 0.2 sends times in fractional seconds, and the request covers more than the hour.
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

/// The reason for which a trip is rejected, of the kinds of bad trips that the sandbox's provider
/// sends.
fn reject_reason(trip: &Value) -> Option<Value> {
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
        not_rider: 0.0,
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
        .expect(0, &with(&ONE_HOUR, &["--json", "--no-sync-socrata"]))
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
    assert_eq!(world.statuses().await, [LoadedWithRejects]);
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
        .filter_map(|trip| Some(json!({"trip_id": trip["trip_id"], "reasons": [reject_reason(trip)?], "trip": trip})))
        .collect();
    assert_eq!(refused.len() as u64, expected.bad);
    assert_eq!(
        world.object("bird/2020/1/15/12/rejects.json").await,
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

    // Rejects do not prevent the other trips from being published.
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    assert_eq!(world.stack.portal.row_count() as u64, expected.distinct);
}
