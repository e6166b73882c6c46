//! Small layers.

use serde_json::{Value, json};
use trips::trip::Point;

use crate::{Boundaries, BoundaryError, Layer, LayerName};

pub(super) fn layer(name: LayerName) -> Layer {
    Layer {
        layer: name,
        key: "boundaries/test.json".to_owned(),
        property: "name".to_owned(),
    }
}

pub(super) fn collection(features: Value) -> String {
    let mut collection = json!({"type": "FeatureCollection"});
    collection["features"] = features;
    collection.to_string()
}

pub(super) fn polygon(name: impl Into<Value>, rings: &Value) -> Value {
    json!({
        "type": "Feature",
        "properties": {"name": name.into()},
        "geometry": {"type": "Polygon", "coordinates": rings},
    })
}

/// A ring around the square from one corner to the other.
pub(super) fn ring(from: f64, to: f64) -> Value {
    json!([[from, from], [to, from], [to, to], [from, to], [from, from]])
}

pub(super) fn square(name: impl Into<Value>, from: f64, to: f64) -> Value {
    polygon(name, &json!([ring(from, to)]))
}

pub(super) fn build(json: &str) -> Result<Boundaries, BoundaryError> {
    Ok(Boundaries::builder()
        .add_layer(&layer(LayerName::Cell), json.as_bytes())?
        .build())
}

pub(super) fn cells(features: Value) -> Boundaries {
    build(&collection(features)).unwrap()
}

pub(super) fn cell(boundaries: &Boundaries, lng: f64, lat: f64) -> Option<&str> {
    boundaries.labels(Point { lat, lng }).cell
}
