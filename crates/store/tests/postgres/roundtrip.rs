//! Any value of a trip can be read back as it was encoded.

use std::cell::RefCell;

use chrono::{DateTime, Utc};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Claim, CopyEncoder, LoadRow};
use tokio_postgres::Row;
use trips::Labels;
use trips::trip::{Flag, Point, Trip};
use uuid::Uuid;

use crate::fixture::{Db, file, request};

#[derive(Debug, Clone)]
struct Sample {
    trip: Trip,
    labels: [Option<String>; 6],
    ids: (Uuid, Uuid),
}

fn text() -> impl Strategy<Value = Option<String>> {
    option::of(prop_oneof![
        any::<String>(),
        Just("a\0b".to_owned()),
        Just(String::new())
    ])
}

fn id() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

/// Postgres stores microseconds.
fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (0_i64..4_000_000_000_000_000)
        .prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
}

fn point() -> impl Strategy<Value = Point> {
    let degrees = || any::<f64>().prop_filter("a number", |degrees| !degrees.is_nan());
    (degrees(), degrees()).prop_map(|(lat, lng)| Point { lat, lng })
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let ids = (id(), id(), id(), id(), id());
    let texts = prop::array::uniform9(text());
    let numbers = (
        any::<i64>(),
        any::<i64>(),
        prop::array::uniform3(option::of(any::<i64>())),
    );
    let times = (time(), time(), option::of(time()));
    let more = (
        option::of(id()),
        option::of(id()),
        prop::collection::vec(0..Flag::ALL.len(), 0..4),
    );
    let labels = prop::array::uniform6(text());
    let sample = (ids, texts, numbers, times, (point(), point()), more, labels).prop_map(
        |(ids, texts, numbers, times, points, more, labels)| {
            let [
                provider_name,
                vehicle_id,
                vehicle_type,
                propulsion_type,
                url,
                currency,
                trip_type,
                parking,
                _,
            ] = texts;
            let flags = more
                .2
                .into_iter()
                .map(|n| Flag::ALL[n])
                .filter(|flag| *flag != Flag::Overlap);
            let trip = Trip {
                provider_id: ids.0,
                provider_name,
                device_id: ids.1,
                vehicle_id,
                vehicle_type,
                propulsion_type,
                trip_id: ids.2,
                trip_duration: numbers.0,
                trip_distance: numbers.1,
                accuracy: numbers.2[0],
                start_time: times.0,
                end_time: times.1,
                publication_time: times.2,
                parking_verification_url: url,
                standard_cost: numbers.2[1],
                actual_cost: numbers.2[2],
                currency,
                start: points.0,
                end: points.1,
                data_provider_id: more.0,
                journey_id: more.1,
                trip_type,
                parking_category: parking,
                flags: flags.collect(),
            };
            Sample {
                trip,
                labels,
                ids: (ids.3, ids.4),
            }
        },
    );
    prop::collection::vec(sample, 0..8)
}

async fn load(claim: &mut Claim, samples: &[Sample]) {
    let mut stage = claim.start_load().await.unwrap();
    let mut sink = stage.copy().await.unwrap();
    let mut encoder = CopyEncoder::new();
    for (sample, seq) in samples.iter().zip(0..) {
        let labels = sample.labels.each_ref().map(Option::as_deref);
        let point_labels = |n: usize| Labels {
            council_district: labels[n],
            census_geoid: labels[n + 1],
            cell: labels[n + 2],
        };
        let row = LoadRow {
            seq,
            trip: &sample.trip,
            start: point_labels(0),
            end: point_labels(3),
            public_id: sample.ids.0,
            device_public_id: sample.ids.1,
        };
        encoder.push(&row).unwrap();
        sink.send(encoder.take()).await.unwrap();
    }
    sink.finish().await.unwrap();
    stage
        .upsert(request(samples.len(), 0))
        .await
        .unwrap()
        .commit(&file())
        .await
        .unwrap();
}

fn read(row: &Row) -> Sample {
    let flags: Vec<String> = row.get("flags");
    let point = |end: &str| Point {
        lat: row.get(format!("{end}_latitude").as_str()),
        lng: row.get(format!("{end}_longitude").as_str()),
    };
    Sample {
        trip: Trip {
            provider_id: row.get("provider_id"),
            provider_name: row.get("provider_name"),
            device_id: row.get("device_id"),
            vehicle_id: row.get("vehicle_id"),
            vehicle_type: row.get("vehicle_type"),
            propulsion_type: row.get("propulsion_type"),
            trip_id: row.get("trip_id"),
            trip_duration: row.get("trip_duration"),
            trip_distance: row.get("trip_distance"),
            accuracy: row.get("accuracy"),
            start_time: row.get("start_time"),
            end_time: row.get("end_time"),
            publication_time: row.get("publication_time"),
            parking_verification_url: row.get("parking_verification_url"),
            standard_cost: row.get("standard_cost"),
            actual_cost: row.get("actual_cost"),
            currency: row.get("currency"),
            start: point("start"),
            end: point("end"),
            data_provider_id: row.get("data_provider_id"),
            journey_id: row.get("journey_id"),
            trip_type: row.get("trip_type"),
            parking_category: row.get("parking_category"),
            flags: flags
                .iter()
                .map(|name| name.parse::<Flag>().unwrap())
                .filter(|f| *f != Flag::Overlap)
                .collect(),
        },
        labels: [
            row.get("council_district_start"),
            row.get("census_geoid_start"),
            row.get("orig_cell_id"),
            row.get("council_district_end"),
            row.get("census_geoid_end"),
            row.get("dest_cell_id"),
        ],
        ids: (row.get("id"), row.get("device_public_id")),
    }
}

fn storable(text: &mut Option<String>) {
    if let Some(text) = text {
        *text = text.replace('\0', "\u{fffd}");
    }
}

fn as_stored(mut sample: Sample) -> Sample {
    let trip = &mut sample.trip;
    for text in [
        &mut trip.provider_name,
        &mut trip.vehicle_id,
        &mut trip.vehicle_type,
        &mut trip.propulsion_type,
        &mut trip.parking_verification_url,
        &mut trip.currency,
        &mut trip.trip_type,
        &mut trip.parking_category,
    ] {
        storable(text);
    }
    sample.labels.iter_mut().for_each(storable);
    sample
}

#[test]
fn every_value_of_a_trip_is_stored() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(Db::planned());
    let claim = RefCell::new(runtime.block_on(db.claim(0)));
    TestRunner::new(Config::with_cases(150))
        .run(&samples(), |samples| {
            runtime.block_on(load(&mut claim.borrow_mut(), &samples));
            for sample in samples {
                let found = runtime.block_on(db.sql.query_one(
                    "SELECT t.*, d.id AS device_public_id FROM api.trips t JOIN api.devices d USING (provider_id, device_id)
                     WHERE t.provider_id = $1 AND t.trip_id = $2",
                    &[&sample.trip.provider_id, &sample.trip.trip_id],
                ));
                let (found, expected) = (read(&found.unwrap()), as_stored(sample));
                prop_assert_eq!(found.trip, expected.trip);
                prop_assert_eq!(found.labels, expected.labels);
                prop_assert_eq!(found.ids, expected.ids);
            }
            Ok(())
        })
        .unwrap();
}
