//! The features of a GeoJSON file: polygons with a label.

use geo::Polygon;
use serde::Deserialize;
use serde_json::{Map, Value};
use trips::json::{Object, objects, optional_object};
use trips::public_row::MAX_LABEL_BYTES;
use trips::text::strip_byte_order_mark;

use crate::geometry::{Fault, RawGeometry};
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
struct Collection<'a> {
    #[serde(borrow, deserialize_with = "objects")]
    features: Vec<RawFeature<'a>>,
}

#[derive(Deserialize)]
struct RawFeature<'a> {
    #[serde(borrow, default, deserialize_with = "optional_object")]
    geometry: Option<RawGeometry<'a>>,
    properties: Option<Map<String, Value>>,
}

/// Reads the features of a layer, in the order of the file. A byte order mark before it is skipped.
pub(crate) fn read(layer: &Layer, json: &[u8]) -> Result<Vec<Feature>, BoundaryError> {
    let malformed = |why| BoundaryError::Malformed {
        layer: layer.layer,
        key: layer.key.clone(),
        why,
    };
    let Object(collection): Object<Collection<'_>> =
        serde_json::from_slice(strip_byte_order_mark(json)).map_err(malformed)?;
    let features: Vec<Feature> = collection
        .features
        .into_iter()
        .enumerate()
        .map(|(index, raw)| {
            feature(&raw, &layer.property).map_err(|fault| match fault {
                Fault::Json(source) => malformed(source),
                Fault::Problem(problem) => BoundaryError::Feature {
                    layer: layer.layer,
                    key: layer.key.clone(),
                    number: index + 1,
                    problem,
                },
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

/// Checks that a file has the geometry of a layer, whatever property holds its labels.
///
/// # Errors
///
/// [`BoundaryError::Unusable`], [`BoundaryError::NoAreas`].
pub fn check_geometry(key: &str, json: &[u8]) -> Result<(), BoundaryError> {
    let unusable = |problem| BoundaryError::Unusable {
        key: key.to_owned(),
        problem,
    };
    let Object(collection): Object<Collection<'_>> =
        serde_json::from_slice(strip_byte_order_mark(json)).map_err(|error| {
            unusable(format!("it is not a GeoJSON FeatureCollection ({error})"))
        })?;
    let mut has_area = false;
    for (index, raw) in collection.features.iter().enumerate() {
        let polygons = raw.polygons();
        let polygons =
            polygons.map_err(|fault| unusable(format!("feature {}: {fault}", index + 1)))?;
        has_area |= !polygons.is_empty();
    }
    if !has_area {
        return Err(BoundaryError::NoAreas {
            key: key.to_owned(),
        });
    }
    Ok(())
}

impl RawFeature<'_> {
    fn polygons(&self) -> Result<Vec<Polygon>, Fault> {
        let geometry = self.geometry.as_ref();
        geometry.map_or_else(|| Ok(Vec::new()), RawGeometry::polygons)
    }
}

fn feature(raw: &RawFeature<'_>, property: &str) -> Result<Feature, Fault> {
    let value = raw
        .properties
        .as_ref()
        .and_then(|properties| properties.get(property));
    let label = label(value).ok_or_else(|| {
        Fault::Problem(format!(
            "its property `{property}` is neither a string nor a number"
        ))
    })?;
    if label
        .as_ref()
        .is_some_and(|text| text.len() > MAX_LABEL_BYTES)
    {
        return Err(Fault::Problem(format!(
            "its property `{property}` is longer than the {MAX_LABEL_BYTES} bytes of a label"
        )));
    }
    Ok(Feature {
        label,
        polygons: raw.polygons()?,
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
