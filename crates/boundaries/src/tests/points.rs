//! The feature that contains a point.

use serde_json::json;
use trips::Labels;
use trips::trip::{Point, ServiceArea};

use super::fixture::*;
use crate::{Boundaries, LayerName};

#[test]
fn a_point_in_a_polygon_has_its_label() {
    let boundaries = cells(json!([square("a", 0.0, 1.0), square("b", 2.0, 3.0)]));
    assert_eq!(cell(&boundaries, 0.5, 0.5), Some("a"));
    assert_eq!(cell(&boundaries, 2.5, 2.5), Some("b"));
}

#[test]
fn a_point_in_none_has_no_label() {
    let boundaries = cells(json!([square("a", 0.0, 1.0), square("b", 2.0, 3.0)]));
    for (lng, lat) in [
        (1.5, 1.5),
        (0.5, 2.5),
        (-0.1, 0.5),
        (50.0, 50.0),
        (0.5, 1.0 + 1e-12),
    ] {
        assert_eq!(cell(&boundaries, lng, lat), None, "{lng} {lat}");
    }
}

#[test]
fn a_point_on_an_edge_is_inside() {
    let boundaries = cells(json!([square("a", 0.0, 1.0)]));
    for (lng, lat) in [(0.0, 0.3), (1.0, 0.3), (0.3, 0.0), (0.3, 1.0)] {
        assert_eq!(cell(&boundaries, lng, lat), Some("a"), "{lng} {lat}");
    }
}

/// The parser must read each number as the nearest one, also without the features of other crates.
#[test]
fn a_point_on_a_slanting_edge_is_inside() {
    let ring = json!([
        [-3.7, -2.9000000000000004],
        [-3.4000000000000004, -3.9000000000000004],
        [-1.3, -3.1],
        [-3.7, -2.9000000000000004],
    ]);
    let boundaries = cells(json!([polygon("a", &json!([ring]))]));
    let (lng, lat) = (-3.5500000000000003, -3.4000000000000004);
    assert_eq!(cell(&boundaries, lng, lat), Some("a"));
}

#[test]
fn a_point_on_a_vertex_is_inside() {
    let boundaries = cells(json!([square("a", 0.0, 1.0)]));
    for (lng, lat) in [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)] {
        assert_eq!(cell(&boundaries, lng, lat), Some("a"), "{lng} {lat}");
    }
}

#[test]
fn a_point_in_a_hole_is_outside_but_on_its_edge_inside() {
    let rings = json!([ring(0.0, 4.0), ring(1.0, 2.0), ring(2.5, 3.0)]);
    let boundaries = cells(json!([polygon("a", &rings)]));
    assert_eq!(cell(&boundaries, 1.5, 1.5), None);
    assert_eq!(cell(&boundaries, 2.7, 2.7), None);
    assert_eq!(cell(&boundaries, 1.0, 1.5), Some("a"));
    assert_eq!(cell(&boundaries, 2.0, 2.0), Some("a"));
    assert_eq!(cell(&boundaries, 2.2, 2.2), Some("a"));
}

#[test]
fn a_feature_in_the_hole_of_another_has_its_points() {
    let rings = json!([ring(0.0, 4.0), ring(1.0, 2.0)]);
    let boundaries = cells(json!([
        polygon("around", &rings),
        square("island", 1.0, 2.0)
    ]));
    assert_eq!(cell(&boundaries, 1.5, 1.5), Some("island"));
    assert_eq!(cell(&boundaries, 1.0, 1.5), Some("around"));
}

#[test]
fn the_first_feature_in_the_file_wins() {
    let (small, large) = (square("small", 1.0, 2.0), square("large", 0.0, 4.0));
    let boundaries = cells(json!([small, large]));
    assert_eq!(cell(&boundaries, 1.5, 1.5), Some("small"));
    assert_eq!(cell(&boundaries, 3.0, 3.0), Some("large"));
    let boundaries = cells(json!([large, small]));
    assert_eq!(cell(&boundaries, 1.5, 1.5), Some("large"));
}

#[test]
fn on_a_shared_edge_the_first_in_the_file_wins() {
    let west = polygon("west", &json!([[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]));
    let east = polygon("east", &json!([[[1, 0], [2, 0], [2, 1], [1, 1], [1, 0]]]));
    assert_eq!(cell(&cells(json!([west, east])), 1.0, 0.5), Some("west"));
    assert_eq!(cell(&cells(json!([east, west])), 1.0, 0.5), Some("east"));
}

#[test]
fn a_multi_polygon_is_one_feature() {
    let feature = json!({
        "type": "Feature",
        "properties": {"name": "both"},
        "geometry": {
            "type": "MultiPolygon",
            "coordinates": [[ring(0.0, 1.0)], [ring(2.0, 5.0), ring(3.0, 4.0)]],
        },
    });
    let boundaries = cells(json!([feature, square("later", 2.0, 5.0)]));
    assert_eq!(cell(&boundaries, 0.5, 0.5), Some("both"));
    assert_eq!(cell(&boundaries, 2.5, 2.5), Some("both"));
    assert_eq!(cell(&boundaries, 3.5, 3.5), Some("later"));
    assert_eq!(cell(&boundaries, 1.5, 1.5), None);
}

#[test]
fn altitudes_are_ignored() {
    let rings = json!([[[0, 0, 9], [1, 0, 9], [1, 1, 9], [0, 1, 9], [0, 0, 9]]]);
    assert_eq!(
        cell(&cells(json!([polygon("a", &rings)])), 0.5, 0.5),
        Some("a")
    );
}

#[test]
fn each_layer_gives_its_own_label() {
    let boundaries = Boundaries::builder()
        .add_layer(
            &layer(LayerName::CouncilDistrict),
            collection(json!([square(9, 0.0, 2.0)])).as_bytes(),
        )
        .unwrap()
        .add_layer(
            &layer(LayerName::CensusGeoid),
            collection(json!([square("48453001100", 1.0, 3.0)])).as_bytes(),
        )
        .unwrap()
        .build();
    let labels = |lng, lat| boundaries.labels(Point { lat, lng });
    let expected = Labels {
        council_district: Some("9"),
        census_geoid: Some("48453001100"),
        cell: None,
    };
    assert_eq!(labels(1.5, 1.5), expected);
    assert_eq!(labels(0.5, 0.5).census_geoid, None);
    assert_eq!(labels(2.5, 2.5).council_district, None);
}

#[test]
fn the_service_area_is_all_layers_together() {
    let boundaries = Boundaries::builder()
        .add_layer(
            &layer(LayerName::CouncilDistrict),
            collection(json!([square("1", 0.0, 1.0)])).as_bytes(),
        )
        .unwrap()
        .add_layer(
            &layer(LayerName::Cell),
            collection(json!([square("c", 2.0, 3.0)])).as_bytes(),
        )
        .unwrap()
        .build();
    let covers = |lng, lat| boundaries.covers(Point { lat, lng });
    assert!(covers(0.5, 0.5));
    assert!(covers(3.0, 3.0));
    assert!(!covers(1.5, 1.5));
}

#[test]
fn without_a_layer_no_point_is_labelled_and_none_is_outside() {
    let boundaries = Boundaries::builder().build();
    let point = Point { lat: 1.0, lng: 1.0 };
    assert_eq!(boundaries.labels(point), Labels::default());
    assert!(boundaries.covers(point));
}

#[test]
fn a_point_with_nan_or_infinity_has_no_label() {
    let boundaries = cells(json!([square("a", 0.0, 1.0)]));
    assert_eq!(cell(&boundaries, f64::NAN, 0.5), None);
    assert_eq!(cell(&boundaries, f64::INFINITY, 0.5), None);
}

#[test]
fn a_repeated_look_up_has_the_same_result() {
    let boundaries = cells(json!([square("a", 0.0, 1.0), square("b", 0.5, 2.0)]));
    for (lng, lat, expected) in [
        (0.7, 0.7, Some("a")),
        (1.5, 1.5, Some("b")),
        (0.2, 1.7, None),
    ] {
        for _ in 0..3 {
            assert_eq!(cell(&boundaries, lng, lat), expected);
        }
    }
}
