//! Boundaries beside shapely: which feature contains a point, edges included.

use boundaries::{Boundaries, Layer, LayerName};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use trips::trip::{Point, ServiceArea as _};

use super::{ask, cases, random};

const POINTS: usize = 60;
/// A layer takes as long as so many other cases.
const COST: u64 = 20;

/// A ring around a place whose edges do not cross each other.
fn ring(random: &mut ChaCha8Rng, x: f64, y: f64, radius: f64, step: Option<f64>) -> Vec<[f64; 2]> {
    let corners = random.random_range(3..12);
    let mut ring: Vec<[f64; 2]> = (0..corners)
        .map(|corner| {
            let turn = f64::from(corner) + random.random_range(0.0..0.8);
            let angle = turn * std::f64::consts::TAU / f64::from(corners);
            let far = radius * random.random_range(0.5..1.0);
            [
                snapped(x + far * angle.cos(), step),
                snapped(y + far * angle.sin(), step),
            ]
        })
        .collect();
    ring.push(ring[0]);
    ring
}

/// With few different numbers, edges of features meet and points lie on them.
fn snapped(number: f64, step: Option<f64>) -> f64 {
    step.map_or(number, |step| (number / step).round() * step)
}

fn feature(random: &mut ChaCha8Rng, step: Option<f64>) -> Value {
    let mut polygon = || {
        let (x, y) = (
            snapped(random.random_range(-4.0..4.0), step),
            snapped(random.random_range(-4.0..4.0), step),
        );
        let radius = random.random_range(0.5..3.0);
        let mut rings = vec![ring(random, x, y, radius, step)];
        if random.random_bool(0.4) {
            rings.push(ring(random, x, y, radius * 0.2, step));
        }
        json!(rings)
    };
    let first = polygon();
    match polygon() {
        second if second.as_array().is_some_and(|rings| rings.len() == 2) => {
            json!({"type": "MultiPolygon", "coordinates": [first, second]})
        }
        _ => json!({"type": "Polygon", "coordinates": first}),
    }
}

/// Corners, points on edges, and points anywhere.
fn points(random: &mut ChaCha8Rng, features: &[Value], step: Option<f64>) -> Vec<[f64; 2]> {
    let mut corners: Vec<[f64; 2]> = Vec::new();
    fn collect(value: &Value, corners: &mut Vec<[f64; 2]>) {
        let Some(list) = value.as_array() else { return };
        match list.as_slice() {
            [x, y] if x.is_number() => corners.push([x.as_f64().unwrap(), y.as_f64().unwrap()]),
            list => list.iter().for_each(|value| collect(value, corners)),
        }
    }
    features
        .iter()
        .for_each(|feature| collect(&feature["coordinates"], &mut corners));
    (0..POINTS)
        .map(|_| {
            let at = random.random_range(0..corners.len() - 1);
            let ([x, y], [next_x, next_y]) = (corners[at], corners[at + 1]);
            match random.random_range(0..4) {
                0 => [x, y],
                1 => [f64::midpoint(x, next_x), f64::midpoint(y, next_y)],
                2 => [x + random.random_range(-1e-9..1e-9), y],
                _ => {
                    let mut any = || snapped(random.random_range(-6.0..6.0), step);
                    [any(), any()]
                }
            }
        })
        .collect()
}

fn labelled(features: &[Value], points: &[[f64; 2]]) -> Vec<Value> {
    let layer = Layer {
        layer: LayerName::Cell,
        key: "boundaries/cell.json".to_owned(),
        property: "id".to_owned(),
    };
    let feature = |(index, geometry): (usize, &Value)| json!({"type": "Feature", "properties": {"id": index}, "geometry": geometry});
    let features: Vec<Value> = features.iter().enumerate().map(feature).collect();
    let json = json!({"type": "FeatureCollection", "features": features}).to_string();
    let boundaries = Boundaries::builder()
        .add_layer(&layer, json.as_bytes())
        .unwrap()
        .build();
    let label = |[lng, lat]: &[f64; 2]| {
        let point = Point {
            lat: *lat,
            lng: *lng,
        };
        let label = boundaries.labels(point).cell;
        assert_eq!(boundaries.covers(point), label.is_some());
        json!(label.map(|label| label.parse::<usize>().unwrap()))
    };
    points.iter().map(label).collect()
}

#[test]
fn points_are_in_the_features_in_which_shapely_sees_them() {
    let mut random = random(40);
    let layers: Vec<(Vec<Value>, Vec<[f64; 2]>)> = (0..cases().div_ceil(COST))
        .map(|_| {
            let step = [None, Some(0.25), Some(0.1)][random.random_range(0..3)];
            let count = random.random_range(1..6);
            let features: Vec<Value> = (0..count).map(|_| feature(&mut random, step)).collect();
            let points = points(&mut random, &features, step);
            (features, points)
        })
        .collect();
    let case = |(features, points): &(Vec<Value>, Vec<[f64; 2]>)| json!({"features": features, "points": points});
    let answers = ask("geometry", &layers.iter().map(case).collect::<Vec<_>>());
    let mut compared = 0;
    for ((features, points), answer) in layers.iter().zip(&answers) {
        // Rings whose edges cross have no agreed inside.
        let Value::Array(due) = answer else { continue };
        compared += 1;
        for ((point, found), due) in points.iter().zip(labelled(features, points)).zip(due) {
            if due != "unclear" {
                assert_eq!(&found, due, "{point:?} in {}", json!(features));
            }
        }
    }
    assert!(
        compared * 3 > answers.len(),
        "only {compared} of {} layers are valid",
        answers.len()
    );
}
