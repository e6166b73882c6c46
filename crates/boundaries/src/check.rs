//! A layer's file as a person is about to store it: what can never label a point, and what is
//! seldom meant.

use trips::words::counted;

use crate::features::{self, Feature};
use crate::{BoundaryError, Layer, LayerName};

/// Digits of a census tract's id without its leading zero.
const SHORTENED_GEOID_DIGITS: usize = 10;
/// A published row has the number 0 for a point without a label.
const PUBLISHED_AS_NONE: &str = "0";

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
    let none = |it: &Feature| {
        layer.layer != LayerName::Cell && it.label.as_deref() == Some(PUBLISHED_AS_NONE)
    };
    warnings.extend(warning(layer, &features, none, |label| {
        format!(
            "is {label}, which the portal also has for a point that is in no feature; give it another \
             label"
        )
    }));
    Ok(warnings)
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
