//! The index against a search through every polygon.

use geo::{Coord, Intersects};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::*;
use crate::feature_index::FeatureIndex;
use crate::features;
use crate::{Layer, LayerName};

/// The first feature that contains the point, found without an index.
pub(super) fn first_without_index(features: &[features::Feature], at: Coord) -> Option<usize> {
    features.iter().position(|feature| {
        feature
            .polygons
            .iter()
            .any(|polygon| polygon.intersects(&at))
    })
}

/// Every vertex, the middle of every edge, and points close to both.
pub(super) fn critical_points(features: &[features::Feature]) -> Vec<Coord> {
    const OFFSETS: [f64; 3] = [0.0, 1e-9, -1e-9];
    let lines = features
        .iter()
        .flat_map(|feature| &feature.polygons)
        .flat_map(geo::LinesIter::lines_iter);
    lines
        .flat_map(|line| [line.start, (line.start + line.end) / 2.0])
        .flat_map(|at| {
            OFFSETS.map(|by| Coord {
                x: at.x + by,
                y: at.y - by,
            })
        })
        .collect()
}

pub(super) fn both(layer: &Layer, json: &[u8]) -> (FeatureIndex, Vec<features::Feature>) {
    let index = FeatureIndex::new(features::read(layer, json).unwrap());
    (index, features::read(layer, json).unwrap())
}

fn any_triangle() -> impl Strategy<Value = Value> {
    // With few different numbers, edges meet and points lie on them.
    let at = || (0_i32..12).prop_map(|n| f64::from(n) / 4.0);
    [at(), at(), at(), at(), at(), at()]
        .prop_map(|[a, b, c, d, e, f]| polygon("t", &json!([[[a, b], [c, d], [e, f], [a, b]]])))
}

proptest! {
    #[test]
    fn the_index_agrees_with_a_search_of_all(
        triangles in prop::collection::vec(any_triangle(), 1..12),
        points in prop::collection::vec((-0.5_f64..3.5, -0.5_f64..3.5), 0..200),
    ) {
        let json = collection(json!(triangles));
        let (index, features) = both(&layer(LayerName::Cell), json.as_bytes());
        let random = points.iter().map(|(x, y)| Coord { x: *x, y: *y });
        for at in critical_points(&features).into_iter().chain(random) {
            let expected = first_without_index(&features, at);
            prop_assert_eq!(index.feature_at(at), expected, "{:?}", at);
            prop_assert_eq!(index.feature_at(at), expected, "again {:?}", at);
        }
    }
}
