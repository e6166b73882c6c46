//! A city's own boundaries, where they are at hand: the folder that `MDS_SHARED` names, or `shared`
//! beside the workspace.

use std::path::PathBuf;

use geo::{Coord, Rect};
use rstest::rstest;
use trips::trip::Point;

use super::random::{both, first_by_asking_all, telling_points};
use crate::lookup::Lookup;
use crate::{Boundaries, Layer, LayerName, default_layers, features};

const FILES: [(LayerName, &str); 3] = [
    (
        LayerName::CouncilDistrict,
        "council_districts_simplified.json",
    ),
    (
        LayerName::CensusGeoid,
        "census_tracts_2010_simplified_20pct.json",
    ),
    (LayerName::Cell, "hex1000.json"),
];

/// The layer's file, or none with a line that says so.
fn read(name: LayerName) -> Option<(Layer, Vec<u8>)> {
    let shared = std::env::var_os("MDS_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let file = FILES.iter().find(|(layer, _)| *layer == name)?.1;
    let path = shared.join("data").join(file);
    let Ok(json) = std::fs::read(&path) else {
        println!("skipped: there is no {}", path.display());
        return None;
    };
    let layer = default_layers()
        .into_iter()
        .find(|layer| layer.layer == name)?;
    Some((layer, json))
}

#[rstest]
fn every_vertex_and_edge_is_where_asking_all_finds_it(
    #[values(LayerName::CouncilDistrict, LayerName::CensusGeoid, LayerName::Cell)] name: LayerName,
) {
    let Some((layer, json)) = read(name) else {
        return;
    };
    let (lookup, features) = both(&layer, &json);
    let every = if name == LayerName::Cell { 97 } else { 7 };
    for at in telling_points(&features).into_iter().step_by(every) {
        assert_eq!(
            lookup.feature_at(at),
            first_by_asking_all(&features, at),
            "{at:?}"
        );
    }
}

#[rstest]
fn a_lattice_of_points_is_where_asking_all_finds_it(
    #[values(LayerName::CouncilDistrict, LayerName::CensusGeoid, LayerName::Cell)] name: LayerName,
) {
    let Some((layer, json)) = read(name) else {
        return;
    };
    let (lookup, features) = both(&layer, &json);
    let downtown = Rect::new(
        Coord {
            x: -97.85,
            y: 30.15,
        },
        Coord { x: -97.6, y: 30.4 },
    );
    for (row, column) in (0..60).flat_map(|row| (0..60).map(move |column| (row, column))) {
        let at = Coord {
            x: downtown.min().x + downtown.width() * f64::from(column) / 59.0,
            y: downtown.min().y + downtown.height() * f64::from(row) / 59.0,
        };
        assert_eq!(
            lookup.feature_at(at),
            first_by_asking_all(&features, at),
            "{at:?}"
        );
    }
}

/// No vertex is lost: each lies at least in the feature that it belongs to.
#[rstest]
fn every_vertex_lies_in_a_feature(
    #[values(LayerName::CouncilDistrict, LayerName::CensusGeoid, LayerName::Cell)] name: LayerName,
) {
    let Some((layer, json)) = read(name) else {
        return;
    };
    let features = features::read(&layer, &json).unwrap();
    let lookup = Lookup::new(features::read(&layer, &json).unwrap());
    for (index, feature) in features.iter().enumerate() {
        for line in feature.polygons.iter().flat_map(geo::LinesIter::lines_iter) {
            let found = lookup.feature_at(line.start);
            assert!(
                found.is_some_and(|found| found <= index),
                "{:?}",
                line.start
            );
        }
    }
}

#[test]
fn the_capitol_is_where_it_stands() {
    let mut builder = Boundaries::builder();
    for (name, _) in FILES {
        let Some((layer, json)) = read(name) else {
            return;
        };
        builder = builder.add_layer(&layer, &json).unwrap();
    }
    let boundaries = builder.build();
    let labels = boundaries.labels(Point {
        lat: 30.2747,
        lng: -97.7404,
    });
    assert_eq!(labels.council_district, Some("1"));
    assert_eq!(labels.census_geoid, Some("48453000700"));
    assert!(labels.cell.is_some());
}
