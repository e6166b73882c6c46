//! Why a layer cannot be used.

use crate::LayerName;

/// Why a layer cannot be used. Boundaries are public, so the text may quote the file.
#[derive(Debug, thiserror::Error)]
pub enum BoundaryError {
    /// The settings name the layer twice.
    #[error("BOUNDARIES has the layer `{layer}` twice; keep one of its entries")]
    Duplicate {
        /// The layer.
        layer: LayerName,
    },
    /// The file is not a GeoJSON FeatureCollection.
    #[error(
        "`{key}` of the layer `{layer}` is not a GeoJSON FeatureCollection ({why}); export it as one"
    )]
    Malformed {
        /// The layer.
        layer: LayerName,
        /// The file's key in the bucket.
        key: String,
        /// What the parser reports.
        why: serde_json::Error,
    },
    /// A feature has an unusable geometry or label.
    #[error("feature {number}{called} of `{key}` for the layer `{layer}`: {problem}")]
    Feature {
        /// The layer.
        layer: LayerName,
        /// The file's key in the bucket.
        key: String,
        /// The feature's number in the file, from 1.
        number: usize,
        /// How the file calls it, such as ` (NAME "Downtown")`; empty if it has no name.
        called: String,
        /// What is wrong with it, and how to correct it.
        problem: String,
    },
    /// A file that no layer names cannot become one.
    #[error("`{key}` cannot be a layer: {problem}")]
    Unusable {
        /// The file's key in the bucket.
        key: String,
        /// What is wrong with it, and how to correct it.
        problem: String,
    },
    /// A file that no layer names has no area.
    #[error(
        "`{key}` cannot be a layer: none of its features has an area, so no point would ever be in it"
    )]
    NoAreas {
        /// The file's key in the bucket.
        key: String,
    },
    /// No feature can label a point.
    #[error(
        "no feature of `{key}` for the layer `{layer}` has both a label and an area, so no point would \
         ever get a label; export it with its polygons, since a geometry that is null or empty has none"
    )]
    NoArea {
        /// The layer.
        layer: LayerName,
        /// The file's key in the bucket.
        key: String,
    },
    /// No feature has the property.
    #[error(
        "no feature of `{key}` for the layer `{layer}` has the property `{property}`; \
         name the property that holds the label in BOUNDARIES"
    )]
    NoLabels {
        /// The layer.
        layer: LayerName,
        /// The file's key in the bucket.
        key: String,
        /// The property that the settings name.
        property: String,
    },
}
