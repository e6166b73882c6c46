//! The features of a GeoJSON file: polygons with a label.

use geo::Polygon;
use serde::Deserialize;
use serde_json::{Map, Value};
use trips::json::{Object, optional_object};
use trips::public_row::MAX_LABEL_BYTES;
use trips::text::strip_byte_order_mark;

use crate::geometry::{Fault, RawGeometry};
use crate::{BoundaryError, Layer};

/// The properties by which people know a feature.
const NAMES: [&str; 3] = ["name", "id", "objectid"];
/// A longer name is cut off, in characters.
const MAX_NAME: usize = 60;

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
    #[serde(borrow)]
    features: Vec<Option<Object<RawFeature<'a>>>>,
}

/// A feature; one that is null has neither label nor area.
#[derive(Default, Deserialize)]
struct RawFeature<'a> {
    id: Option<Value>,
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
        .features()
        .map(|(number, raw)| {
            feature(&raw, &layer.property).map_err(|Fault(problem)| BoundaryError::Feature {
                layer: layer.layer,
                key: layer.key.clone(),
                number,
                called: raw.called(Some(&layer.property)),
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
    for (number, raw) in collection.features() {
        let polygons = raw.polygons().map_err(|fault| {
            let called = raw.called(None);
            unusable(format!("feature {number}{called}: {fault}"))
        })?;
        has_area |= !polygons.is_empty();
    }
    if !has_area {
        return Err(BoundaryError::NoAreas {
            key: key.to_owned(),
        });
    }
    Ok(())
}

impl<'a> Collection<'a> {
    /// The features with their numbers, from 1.
    fn features(self) -> impl Iterator<Item = (usize, RawFeature<'a>)> {
        let features = self.features.into_iter();
        let features = features.map(|it| it.map_or_else(RawFeature::default, |Object(raw)| raw));
        (1..).zip(features)
    }
}

impl RawFeature<'_> {
    /// How a person finds the feature in the file or on a map, such as ` (NAME "Downtown")`: by
    /// the property that holds its label, or else by a name or an id. Empty if it has none.
    fn called(&self, label: Option<&str>) -> String {
        let is_plain = |value: &Value| value.is_string() || value.is_number();
        let property = |wanted: &str| {
            let mut properties = self.properties.iter().flatten();
            properties.find(|(name, it)| name.eq_ignore_ascii_case(wanted) && is_plain(it))
        };
        let property = label
            .into_iter()
            .chain(NAMES)
            .find_map(property)
            .map(|(name, value)| (name.as_str(), value));
        let own = self.id.as_ref().filter(|id| is_plain(id));
        property
            .or_else(|| own.map(|id| ("id", id)))
            .map(|(name, value)| {
                let value: String = value.to_string().chars().take(MAX_NAME).collect();
                format!(" ({name} {value})")
            })
            .unwrap_or_default()
    }

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
        Fault(format!(
            "its property `{property}` is neither a string nor a number"
        ))
    })?;
    if label
        .as_ref()
        .is_some_and(|text| text.len() > MAX_LABEL_BYTES)
    {
        return Err(Fault(format!(
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
