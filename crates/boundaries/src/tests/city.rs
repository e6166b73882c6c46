//! Boundaries of a real city: the part of Austin in `fixtures/austin`, and the whole of it if
//! `MDS_SHARED_DATA` names the folder with its files.

use std::path::{Path, PathBuf};

use geo::{Coord, Rect};
use rstest::rstest;
use trips::trip::Point;

use super::random::{both, critical_points, first_without_index};
use crate::feature_index::FeatureIndex;
use crate::{Boundaries, Layer, LayerName, default_layers, features};

struct City {
    folder: PathBuf,
    is_whole: bool,
}

/// The part of Austin, and the whole of it if there is a folder with its files.
fn cities() -> Vec<City> {
    let part = City {
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/austin"),
        is_whole: false,
    };
    let whole = std::env::var_os("MDS_SHARED_DATA").map(|folder| City {
        folder: PathBuf::from(folder),
        is_whole: true,
    });
    [part].into_iter().chain(whole).collect()
}

impl City {
    fn read(&self, name: LayerName) -> (Layer, Vec<u8>) {
        let file = match (name, self.is_whole) {
            (LayerName::CouncilDistrict, true) => "council_districts_simplified.json",
            (LayerName::CensusGeoid, true) => "census_tracts_2010_simplified_20pct.json",
            (LayerName::Cell, true) => "hex1000.json",
            (_, false) => &format!("{name}.json"),
        };
        let path = self.folder.join(file);
        let json = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let layer = default_layers()
            .into_iter()
            .find(|layer| layer.layer == name)
            .unwrap();
        (layer, json)
    }
}

#[rstest]
fn every_vertex_and_edge_is_found_as_without_an_index(
    #[values(LayerName::CouncilDistrict, LayerName::CensusGeoid, LayerName::Cell)] name: LayerName,
) {
    for city in cities() {
        let (layer, json) = city.read(name);
        let (index, features) = both(&layer, &json);
        let step = if city.is_whole && name == LayerName::Cell {
            97
        } else {
            7
        };
        for at in critical_points(&features).into_iter().step_by(step) {
            assert_eq!(
                index.feature_at(at),
                first_without_index(&features, at),
                "{at:?}"
            );
        }
    }
}

#[rstest]
fn a_lattice_of_points_is_found_as_without_an_index(
    #[values(LayerName::CouncilDistrict, LayerName::CensusGeoid, LayerName::Cell)] name: LayerName,
) {
    let corner = |x, y| Coord { x, y };
    for city in cities() {
        let (layer, json) = city.read(name);
        let (index, features) = both(&layer, &json);
        let area = if city.is_whole {
            Rect::new(corner(-97.85, 30.15), corner(-97.6, 30.4))
        } else {
            Rect::new(corner(-97.8, 30.22), corner(-97.68, 30.32))
        };
        for (row, column) in (0..60).flat_map(|row| (0..60).map(move |column| (row, column))) {
            let at = Coord {
                x: area.min().x + area.width() * f64::from(column) / 59.0,
                y: area.min().y + area.height() * f64::from(row) / 59.0,
            };
            assert_eq!(
                index.feature_at(at),
                first_without_index(&features, at),
                "{at:?}"
            );
        }
    }
}

/// No vertex is lost: each lies at least in the feature that it belongs to.
#[rstest]
fn every_vertex_lies_in_a_feature(
    #[values(LayerName::CouncilDistrict, LayerName::CensusGeoid, LayerName::Cell)] name: LayerName,
) {
    for city in cities() {
        let (layer, json) = city.read(name);
        let features = features::read(&layer, &json).unwrap();
        let index = FeatureIndex::new(features::read(&layer, &json).unwrap());
        for (number, feature) in features.iter().enumerate() {
            for line in feature.polygons.iter().flat_map(geo::LinesIter::lines_iter) {
                let found = index.feature_at(line.start);
                assert!(
                    found.is_some_and(|found| found <= number),
                    "{:?}",
                    line.start
                );
            }
        }
    }
}

#[test]
fn the_capitol_has_its_labels() {
    for city in cities() {
        let mut builder = Boundaries::builder();
        for name in LayerName::ALL {
            let (layer, json) = city.read(name);
            builder = builder.add_layer(&layer, &json).unwrap();
        }
        let boundaries = builder.build();
        let labels = boundaries.labels(Point {
            lat: 30.2747,
            lng: -97.7404,
        });
        assert_eq!(labels.council_district, Some("1"));
        assert_eq!(labels.census_geoid, Some("48453000700"));
        assert_eq!(labels.cell, Some("002348"));
    }
}
