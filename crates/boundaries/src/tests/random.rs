//! The raster and the tree against asking every polygon in turn.

use geo::{Coord, Intersects};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::*;
use crate::features;
use crate::lookup::Lookup;
use crate::{Layer, LayerName};

/// The first feature that holds the point, found without any index.
pub(super) fn first_by_asking_all(features: &[features::Feature], at: Coord) -> Option<usize> {
    features.iter().position(|feature| {
        feature
            .polygons
            .iter()
            .any(|polygon| polygon.intersects(&at))
    })
}

/// Every vertex, the middle of every edge, and points a little beside both.
pub(super) fn telling_points(features: &[features::Feature]) -> Vec<Coord> {
    const BESIDE: [f64; 3] = [0.0, 1e-9, -1e-9];
    let lines = features
        .iter()
        .flat_map(|feature| &feature.polygons)
        .flat_map(geo::LinesIter::lines_iter);
    lines
        .flat_map(|line| [line.start, (line.start + line.end) / 2.0])
        .flat_map(|at| {
            BESIDE.map(|by| Coord {
                x: at.x + by,
                y: at.y - by,
            })
        })
        .collect()
}

pub(super) fn both(layer: &Layer, json: &[u8]) -> (Lookup, Vec<features::Feature>) {
    let lookup = Lookup::new(features::read(layer, json).unwrap());
    (lookup, features::read(layer, json).unwrap())
}

fn any_triangle() -> impl Strategy<Value = Value> {
    // Few different numbers make edges meet and points lie on them.
    let at = || (0_i32..12).prop_map(|n| f64::from(n) / 4.0);
    [at(), at(), at(), at(), at(), at()]
        .prop_map(|[a, b, c, d, e, f]| polygon("t", &json!([[[a, b], [c, d], [e, f], [a, b]]])))
}

proptest! {
    #[test]
    fn the_index_agrees_with_asking_all(
        triangles in prop::collection::vec(any_triangle(), 1..12),
        points in prop::collection::vec((-0.5_f64..3.5, -0.5_f64..3.5), 0..200),
    ) {
        let json = collection(json!(triangles));
        let (lookup, features) = both(&layer(LayerName::Cell), json.as_bytes());
        let random = points.iter().map(|(x, y)| Coord { x: *x, y: *y });
        for at in telling_points(&features).into_iter().chain(random) {
            let expected = first_by_asking_all(&features, at);
            prop_assert_eq!(lookup.feature_at(at), expected, "{:?}", at);
            prop_assert_eq!(lookup.feature_at(at), expected, "again {:?}", at);
        }
    }
}
