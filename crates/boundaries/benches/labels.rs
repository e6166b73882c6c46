//! Measures labelling points in three layers of the size of a city's.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;

use boundaries::{Boundaries, LayerName, default_layers};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use trips::trip::Point;

/// Districts, tracts and cells: how many of them stand side by side, and the corners of each.
const SIZES: [(LayerName, u32, u32); 3] = [
    (LayerName::CouncilDistrict, 3, 240),
    (LayerName::CensusGeoid, 18, 60),
    (LayerName::Cell, 68, 6),
];

/// Round features on a square lattice, so that some points lie in none.
fn layer(across: u32, corners: u32) -> Value {
    let side = 0.5 / f64::from(across);
    let ring = |column: u32, row: u32| -> Vec<[f64; 2]> {
        (0..=corners)
            .map(|corner| {
                let turn = f64::from(corner % corners) / f64::from(corners) * std::f64::consts::TAU;
                [
                    -98.0 + side * (f64::from(column) + 0.5 + 0.55 * turn.cos()),
                    30.0 + side * (f64::from(row) + 0.5 + 0.55 * turn.sin()),
                ]
            })
            .collect()
    };
    let features: Vec<_> = (0..across)
        .flat_map(|row| (0..across).map(move |column| (row, column)))
        .map(|(row, column)| {
            json!({
                "type": "Feature",
                "properties": {"label": row * across + column},
                "geometry": {"type": "Polygon", "coordinates": [ring(column, row)]},
            })
        })
        .collect();
    json!({"type": "FeatureCollection", "features": features})
}

fn build() -> Boundaries {
    let mut builder = Boundaries::builder();
    for (name, across, corners) in SIZES {
        let mut layer_of_name = default_layers()
            .into_iter()
            .find(|l| l.layer == name)
            .unwrap();
        "label".clone_into(&mut layer_of_name.property);
        let json = layer(across, corners).to_string();
        builder = builder.add_layer(&layer_of_name, json.as_bytes()).unwrap();
    }
    builder.build()
}

/// Points all over the layers, without a random number.
fn points() -> Vec<Point> {
    (0..100_000_u32)
        .map(|n| Point {
            lat: 30.0 + 0.5 * (f64::from(n) * 0.754_877_666).fract(),
            lng: -98.0 + 0.5 * (f64::from(n) * 0.569_840_290).fract(),
        })
        .collect()
}

fn label_all(boundaries: &Boundaries, points: &[Point]) {
    for point in points {
        black_box(boundaries.labels(*point));
    }
}

fn bench(criterion: &mut Criterion) {
    let points = points();
    let warm = build();
    let mut group = criterion.benchmark_group("three layers, 100,000 points");
    group.throughput(Throughput::Elements(points.len() as u64));
    group.sample_size(20);
    group.bench_function("first time", |bench| {
        bench.iter_batched_ref(
            build,
            |boundaries| label_all(boundaries, &points),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("again", |bench| bench.iter(|| label_all(&warm, &points)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
