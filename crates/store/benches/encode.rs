//! Measures the encoding of trips for binary COPY.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use store::{CopyEncoder, LoadRow, PointLabels};
use trips::block::Hour;
use trips::trip::{Rules, Trip};
use uuid::Uuid;

const ROWS: u64 = 1000;

fn trip() -> Trip {
    let end = "2020-06-01T12:30:00Z".parse().unwrap();
    let rules = Rules {
        hour: Hour::containing(end),
        now: end,
        swap_coordinates: false,
        seconds_expected: false,
        area: None,
    };
    let point = |seconds: i64, lng: f64| {
        json!({
            "type": "Feature",
            "properties": {"timestamp": 1_591_014_000_000_i64 + seconds * 1000},
            "geometry": {"type": "Point", "coordinates": [lng, 30.267_153]},
        })
    };
    let trip = json!({
        "provider_id": "0309585e-599f-4e57-ac85-ffffffffffff",
        "provider_name": "Wheels",
        "device_id": "aa5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d",
        "vehicle_id": "A-1",
        "vehicle_type": "scooter",
        "propulsion_types": ["electric"],
        "trip_id": "bb5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d",
        "trip_duration": 600,
        "trip_distance": 1200,
        "accuracy": 5,
        "start_time": 1_591_014_000_000_i64,
        "end_time": 1_591_014_600_000_i64,
        "route": {"type": "FeatureCollection", "features": [point(0, -97.743), point(600, -97.751)]},
    });
    rules.check(&trip.to_string()).unwrap()
}

fn bench(criterion: &mut Criterion) {
    let trip = trip();
    let labels = PointLabels {
        council_district: Some("9"),
        census_geoid: Some("48453001100"),
        cell: Some("1014"),
    };
    let mut group = criterion.benchmark_group("rows for COPY");
    group.throughput(Throughput::Elements(ROWS));
    group.bench_function("encode 1000 trips", |bench| {
        let mut encoder = CopyEncoder::new();
        bench.iter(|| {
            for seq in 0..ROWS {
                let row = LoadRow {
                    seq,
                    trip: &trip,
                    start: labels,
                    end: labels,
                    public_id: Uuid::nil(),
                    device_public_id: Uuid::nil(),
                };
                encoder.push(&row).unwrap();
                if encoder.is_full() {
                    black_box(encoder.take());
                }
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
