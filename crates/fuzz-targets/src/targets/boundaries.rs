//! GeoJSON of boundaries.

use std::collections::BTreeSet;

use boundaries::{Boundaries, BoundaryError, Layer, check_geometry, default_layers};
use serde_json::Value;
use trips::trip::{Point, ServiceArea as _};

use crate::json::Node;
use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "type",
    "features",
    "geometry",
    "geometries",
    "properties",
    "coordinates",
    "Feature",
    "FeatureCollection",
    "Polygon",
    "MultiPolygon",
    "GeometryCollection",
    "Point",
    "LineString",
    "district_n",
    "GEOID10",
    "id",
    "180",
    "-180",
    "90",
    "-90.0",
    "180.0000001",
];

/// How many vertices are looked up.
const MAX_VERTICES: usize = 64;

pub(super) fn check(data: &[u8]) {
    let geometry = check_geometry("boundaries/x.json", data);
    if let Err(error) = &geometry {
        check_message(&error.to_string());
        assert!(error.to_string().contains("boundaries/x.json"));
    }
    // A file without any area is good JSON, and loads.
    let is_good = |error: &BoundaryError| matches!(error, BoundaryError::NoAreas { .. });
    let has_geometry = geometry.as_ref().map_or_else(is_good, |()| true);
    for layer in &default_layers() {
        check_layer(layer, data, has_geometry);
        match boundaries::check_layer(layer, data) {
            Ok(warnings) => warnings.iter().for_each(|warning| check_message(warning)),
            Err(error) => check_error(layer, &error, has_geometry),
        }
    }
}

fn check_layer(layer: &Layer, data: &[u8], has_geometry: bool) {
    let read = || Boundaries::builder().add_layer(layer, data);
    let builder = match read() {
        Ok(builder) => builder,
        Err(error) => return check_error(layer, &error, has_geometry),
    };
    assert!(has_geometry, "a layer whose geometry is refused alone");
    // What is skipped need not be UTF-8: programs of geographers write names in other encodings.
    let json = String::from_utf8_lossy(trips::text::strip_byte_order_mark(data));
    let json = json.as_ref();
    assert!(
        json.trim_start().starts_with('{'),
        "a collection that is no object"
    );
    let boundaries = builder.build();
    let vertices = vertices(json);
    let labels = labels(json, &layer.property);
    for point in vertices.iter().copied().chain(PLACES) {
        let first = label(&boundaries, layer, point);
        assert_eq!(
            first,
            label(&boundaries, layer, point),
            "another label the second time"
        );
        if let Some(label) = first {
            assert!(labels.contains(&label), "a label that no feature has");
            assert!(!label.is_empty() && label.len() <= trips::public_row::MAX_LABEL_BYTES);
            assert!(boundaries.covers(point), "a labelled point is not covered");
        }
    }
    // In another order, the grid learns from other points.
    let again = read().unwrap().build();
    for point in vertices.iter().rev().copied() {
        assert_eq!(
            label(&again, layer, point),
            label(&boundaries, layer, point),
            "another label after other points"
        );
    }
}

const PLACES: [Point; 5] = [
    Point { lat: 0.0, lng: 0.0 },
    Point {
        lat: 30.26,
        lng: -97.74,
    },
    Point {
        lat: 90.0,
        lng: 180.0,
    },
    Point {
        lat: -90.0,
        lng: -180.0,
    },
    Point { lat: 0.5, lng: 0.5 },
];

fn check_error(layer: &Layer, error: &BoundaryError, has_geometry: bool) {
    check_message(&error.to_string());
    let named = error.to_string();
    assert!(
        named.contains(&layer.key) || named.contains(&layer.layer.to_string()),
        "an error that names no layer: {named}"
    );
    if matches!(error, BoundaryError::NoLabels { .. }) {
        assert!(has_geometry, "no labels, before the geometry is looked at");
    }
}

fn label(boundaries: &Boundaries, layer: &Layer, point: Point) -> Option<String> {
    let labels = boundaries.labels(point);
    let label = match layer.key.as_str() {
        "boundaries/council_district.json" => labels.council_district,
        "boundaries/census_geoid.json" => labels.census_geoid,
        _ => labels.cell,
    };
    label.map(str::to_owned)
}

/// The texts that the property has anywhere in the file.
fn labels(json: &str, property: &str) -> BTreeSet<String> {
    fn collect(node: &Node, property: &str, found: &mut BTreeSet<String>) {
        match node {
            Node::Scalar(_) => {}
            Node::List(list) => list.iter().for_each(|it| collect(it, property, found)),
            Node::Object(members) => {
                for (name, value) in members {
                    match value {
                        Node::Scalar(text) if name == property => found.extend(label_in(text)),
                        other => collect(other, property, found),
                    }
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    if let Some(node) = Node::read(json) {
        collect(&node, property, &mut found);
    }
    found
}

fn label_in(text: &str) -> Option<String> {
    match serde_json::from_str(text).ok()? {
        Value::String(text) => Some(text),
        Value::Number(number) => {
            let digits = number.to_string();
            Some(digits.strip_suffix(".0").unwrap_or(&digits).to_owned())
        }
        _ => None,
    }
}

/// Pairs of numbers in the file, which mostly are vertices.
fn vertices(json: &str) -> Vec<Point> {
    fn collect(node: &Node, found: &mut Vec<Point>) {
        let number = |node: &Node| match node {
            Node::Scalar(text) => text.parse::<f64>().ok().filter(|it| it.is_finite()),
            _ => None,
        };
        match node {
            Node::Scalar(_) => {}
            Node::Object(members) => members.iter().for_each(|(_, node)| collect(node, found)),
            Node::List(list) => match list.as_slice() {
                [lng, lat, ..] if found.len() < MAX_VERTICES => match (number(lng), number(lat)) {
                    (Some(lng), Some(lat)) => found.push(Point { lat, lng }),
                    _ => list.iter().for_each(|node| collect(node, found)),
                },
                _ => list.iter().for_each(|node| collect(node, found)),
            },
        }
    }
    let mut found = Vec::new();
    if let Some(node) = Node::read(json) {
        collect(&node, &mut found);
    }
    found.truncate(MAX_VERTICES);
    found
}
