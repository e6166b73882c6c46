//! The features of a GeoJSON file: polygons with a label.

use geo::{Coord, LineString, Polygon};
use geojson::{Geometry, GeometryValue, Position};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{BoundaryError, Layer};

/// A feature of a layer.
#[derive(Debug)]
pub(crate) struct Feature {
    /// `None`: points in the feature have no label, even if a later feature contains them too.
    pub(crate) label: Option<String>,
    pub(crate) polygons: Vec<Polygon>,
}

/// Other members are skipped: some files contain all features a second time, as an index.
#[derive(Deserialize)]
struct Collection {
    features: Vec<RawFeature>,
}

#[derive(Deserialize)]
struct RawFeature {
    geometry: Option<Geometry>,
    properties: Option<Map<String, Value>>,
}

/// Reads the features of a layer, in the order of the file.
pub(crate) fn read(layer: &Layer, json: &[u8]) -> Result<Vec<Feature>, BoundaryError> {
    let collection: Collection =
        serde_json::from_slice(json).map_err(|source| BoundaryError::Malformed {
            layer: layer.layer,
            key: layer.key.clone(),
            source,
        })?;
    let features: Vec<Feature> = collection
        .features
        .into_iter()
        .enumerate()
        .map(|(index, raw)| {
            feature(raw, &layer.property).map_err(|problem| BoundaryError::Feature {
                layer: layer.layer,
                key: layer.key.clone(),
                number: index + 1,
                problem,
            })
        })
        .collect::<Result<_, _>>()?;
    if features.iter().all(|feature| feature.label.is_none()) {
        return Err(BoundaryError::NoLabels {
            layer: layer.layer,
            key: layer.key.clone(),
            property: layer.property.clone(),
        });
    }
    Ok(features)
}

fn feature(raw: RawFeature, property: &str) -> Result<Feature, String> {
    let value = raw
        .properties
        .as_ref()
        .and_then(|properties| properties.get(property));
    Ok(Feature {
        label: label(value)
            .ok_or_else(|| format!("its property `{property}` is neither a string nor a number"))?,
        polygons: raw.geometry.map_or_else(|| Ok(Vec::new()), polygons)?,
    })
}

/// The label that a property gives; the outer `None` for a value that cannot be a label.
fn label(value: Option<&Value>) -> Option<Option<String>> {
    match value {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some((!text.is_empty()).then(|| text.clone())),
        Some(Value::Number(number)) => Some(Some(plain_number(number))),
        Some(_) => None,
    }
}

/// A number without the `.0` that some exports add to whole ones.
fn plain_number(number: &serde_json::Number) -> String {
    let digits = number.to_string();
    digits
        .strip_suffix(".0")
        .map_or_else(|| digits.clone(), str::to_owned)
}

fn polygons(geometry: Geometry) -> Result<Vec<Polygon>, String> {
    match geometry.value {
        GeometryValue::Polygon { coordinates } => Ok(vec![polygon(&coordinates)?]),
        GeometryValue::MultiPolygon { coordinates } => {
            coordinates.iter().map(|rings| polygon(rings)).collect()
        }
        other => Err(format!(
            "its geometry is a {}; a boundary is a Polygon or a MultiPolygon",
            other.type_name()
        )),
    }
}

/// The first ring is the outer one, the others are holes.
fn polygon(rings: &[Vec<Position>]) -> Result<Polygon, String> {
    let mut rings = rings.iter().map(|ring| line(ring));
    let exterior = rings.next().ok_or("one of its polygons has no ring")??;
    Ok(Polygon::new(exterior, rings.collect::<Result<_, _>>()?))
}

fn line(ring: &[Position]) -> Result<LineString, String> {
    if ring.len() < 4 {
        return Err("one of its rings has fewer than four positions".to_owned());
    }
    ring.iter().map(coordinate).collect()
}

fn coordinate(position: &Position) -> Result<Coord, String> {
    let &[x, y, ..] = position.as_slice() else {
        return Err("one of its positions has fewer than two numbers".to_owned());
    };
    if x.abs() > 180.0 || y.abs() > 90.0 {
        return Err(
            "its coordinates are not longitudes and latitudes; export it in WGS84 degrees \
             (EPSG:4326)"
                .to_owned(),
        );
    }
    Ok(Coord { x, y })
}
