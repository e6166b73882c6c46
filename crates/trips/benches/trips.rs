//! Measures reading the trips of an archive and checking them.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;
use std::io;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use serde_json::value::RawValue;
use trips::envelope::{ArchiveWriter, TripVisitor, read_envelope};
use trips::fixtures;
use trips::trip::Rules;

const TRIPS: u64 = 1000;
const POINTS: i64 = 100;

fn trip(number: u64) -> String {
    let features: Vec<_> = (0..POINTS)
        .map(|point| {
            let timestamp = fixtures::START_MILLISECONDS + point * 5000;
            fixtures::feature(-97.743_061, 30.267_153, timestamp)
        })
        .collect();
    let mut trip = fixtures::trip();
    trip["trip_id"] = json!(format!("bb5bc82b-8e2b-4a0e-8f5b-{number:012x}"));
    trip["route"]["features"] = json!(features);
    trip.to_string()
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
    let rules = fixtures::rules();
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
