//! A layer's file as a person is about to store it: what can never label a point, and what is
//! seldom meant.

use std::collections::BTreeMap;

use geo::{Area as _, Polygon};
use trips::public_row::is_point;
use trips::words::counted;

use crate::features::{self, Feature};
use crate::{BoundaryError, Layer, LayerName};

/// Digits of a census tract's id without its leading zero.
const SHORTENED_GEOID_DIGITS: usize = 10;
/// A published row has the number 0 for a point without a label.
const PUBLISHED_AS_NONE: &str = "0";
/// Labels of a smaller area tell where somebody lives: a block of houses is about as large.
const MIN_MEDIAN_KM2: f64 = 0.1;
const KM_PER_DEGREE: f64 = 111.195;

/// Checks a layer's file more strictly than [`Builder::add_layer`](crate::Builder::add_layer).
/// Returns warnings, which name feature and property.
///
/// # Errors
///
/// As [`Builder::add_layer`](crate::Builder::add_layer); [`BoundaryError::NoArea`] if no feature
/// can label a point.
pub fn check_layer(layer: &Layer, geojson: &[u8]) -> Result<Vec<String>, BoundaryError> {
    let features = features::read(layer, geojson)?;
    let can_label = |it: &Feature| it.label.is_some() && !it.polygons.is_empty();
    if !features.iter().any(can_label) {
        return Err(BoundaryError::NoArea {
            layer: layer.layer,
            key: layer.key.clone(),
        });
    }
    let mut warnings = Vec::new();
    let shortened = |it: &Feature| layer.layer == LayerName::CensusGeoid && lacks_zero(it);
    warnings.extend(warning(layer, &features, shortened, |label| {
        format!(
            "is {label}, of ten digits: a leading zero may be lost, since a census tract has eleven; \
             write texts, such as \"0{label}\""
        )
    }));
    let is_published = layer.layer != LayerName::Cell;
    let none = |it: &Feature| is_published && it.label.as_deref() == Some(PUBLISHED_AS_NONE);
    warnings.extend(warning(layer, &features, none, |label| {
        format!(
            "is {label}, which the portal also has for a point that is in no feature; give it another \
             label"
        )
    }));
    let place = |it: &Feature| is_published && it.label.as_deref().is_some_and(is_point);
    warnings.extend(warning(layer, &features, place, |_| {
        "is a pair of coordinates, and no row with such a label is published; take another property, or another \
         file"
            .to_owned()
    }));
    warnings.extend(small(layer, &features).filter(|_| is_published));
    Ok(warnings)
}

/// A warning that the areas of labels that are published with each trip are too small.
fn small(layer: &Layer, features: &[Feature]) -> Option<String> {
    // A label may have several features, such as a district and slivers at its border.
    let mut by_label: BTreeMap<&str, f64> = BTreeMap::new();
    for feature in features {
        if let Some(label) = &feature.label {
            *by_label.entry(label).or_default() += area_km2(feature);
        }
    }
    let mut areas: Vec<f64> = by_label.into_values().filter(|area| *area > 0.0).collect();
    areas.sort_by(f64::total_cmp);
    let median = *areas.get(areas.len() / 2)?;
    (median < MIN_MEDIAN_KM2).then(|| {
        format!(
            "`{}` for the layer `{}`: its {} have a median area of {:.0} m², and the portal shows each trip's labels, \
             which tell then where it began and ended; take districts or census tracts",
            layer.key,
            layer.layer,
            counted(areas.len(), "label"),
            median * 1e6
        )
    })
}

/// The area on a globe, near enough for features of a city.
fn area_km2(feature: &Feature) -> f64 {
    let of_polygon = |polygon: &Polygon| {
        let latitude = polygon.exterior().0.first().map_or(0.0, |it| it.y);
        polygon.unsigned_area() * KM_PER_DEGREE.powi(2) * latitude.to_radians().cos()
    };
    feature.polygons.iter().map(of_polygon).sum()
}

/// Whether a feature's label is a census tract's id that has lost its leading zero.
pub(crate) fn lacks_zero(feature: &Feature) -> bool {
    let geoid = feature.label.as_deref().unwrap_or_default();
    geoid.len() == SHORTENED_GEOID_DIGITS && geoid.bytes().all(|byte| byte.is_ascii_digit())
}

/// A warning about the first feature of which something is true, with the number of the others.
fn warning(
    layer: &Layer,
    features: &[Feature],
    is_odd: impl Fn(&Feature) -> bool,
    words: impl Fn(&str) -> String,
) -> Option<String> {
    let mut odd = features.iter().enumerate().filter(|(_, it)| is_odd(it));
    let (index, first) = odd.next()?;
    let others = match u64::try_from(odd.count()).unwrap_or(u64::MAX) {
        0 => String::new(),
        others => format!(" (so it is with {})", counted(others, "other feature")),
    };
    Some(format!(
        "feature {} of `{}` for the layer `{}`: its property `{}` {}{others}",
        index + 1,
        layer.key,
        layer.layer,
        layer.property,
        words(first.label.as_deref().unwrap_or_default()),
    ))
}
