//! How fast trips are read out of an archive and checked.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark has no API and may panic"
)]

use std::hint::black_box;
use std::io;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use serde_json::value::RawValue;
use trips::block::Hour;
use trips::envelope::{ArchiveWriter, TripVisitor, read_envelope};
use trips::trip::Rules;

const TRIPS: u64 = 1000;
const POINTS: i64 = 100;

fn trip(number: u64) -> String {
    let start = 1_591_014_000_000_i64;
    let features: Vec<_> = (0..POINTS)
        .map(|point| {
            json!({
                "type": "Feature",
                "properties": {"timestamp": start + point * 5000},
                "geometry": {"type": "Point", "coordinates": [-97.743_061, 30.267_153]},
            })
        })
        .collect();
    json!({
        "provider_id": "0309585e-599f-4e57-ac85-ffffffffffff",
        "provider_name": "Wheels",
        "device_id": "aa5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d",
        "vehicle_id": "A-1",
        "vehicle_type": "scooter",
        "propulsion_types": ["electric"],
        "trip_id": format!("bb5bc82b-8e2b-4a0e-8f5b-{number:012x}"),
        "trip_duration": 600,
        "trip_distance": 1200,
        "accuracy": 5,
        "start_time": start,
        "end_time": start + 600_000,
        "route": {"type": "FeatureCollection", "features": features},
    })
    .to_string()
}

fn archive() -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Vec::new(), "1.2.0").unwrap();
    for number in 0..TRIPS {
        writer
            .push(&RawValue::from_string(trip(number)).unwrap())
            .unwrap();
    }
    writer.finish().unwrap()
}

struct Pass;

impl TripVisitor for Pass {
    fn trip(&mut self, trip: &RawValue) -> io::Result<()> {
        black_box(trip);
        Ok(())
    }
}

struct Check(Rules<'static>);

impl TripVisitor for Check {
    fn trip(&mut self, trip: &RawValue) -> io::Result<()> {
        assert!(black_box(self.0.check(trip.get())).is_ok());
        Ok(())
    }
}

fn bench(criterion: &mut Criterion) {
    let archive = archive();
    let end = "2020-06-01T12:30:00Z".parse().unwrap();
    let rules = Rules {
        hour: Hour::containing(end),
        now: end,
        swap_coordinates: false,
        seconds_expected: false,
        area: None,
    };
    let mut group = criterion.benchmark_group("archive of 1000 trips with 100 points");
    group.throughput(Throughput::Bytes(archive.len() as u64));
    group.bench_function("read", |bench| {
        bench.iter(|| read_envelope(archive.as_slice(), &mut Pass).unwrap());
    });
    group.bench_function("read and check", |bench| {
        bench.iter(|| read_envelope(archive.as_slice(), &mut Check(rules)).unwrap());
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
