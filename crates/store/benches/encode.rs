//! Measures the encoding of trips for binary COPY.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use store::{CopyEncoder, LoadRow};
use trips::{Labels, fixtures};
use uuid::Uuid;

const ROWS: u64 = 1000;

fn bench(criterion: &mut Criterion) {
    let trip = fixtures::rules()
        .check(&fixtures::trip().to_string())
        .unwrap();
    let labels = Labels {
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
