//! Why a layer cannot be used.

use crate::LayerName;

/// Why a layer cannot be used. Boundaries are public, so the text may quote the file.
#[derive(Debug, thiserror::Error)]
pub enum BoundaryError {
    /// The settings name the layer twice.
    #[error("the layer `{layer}` is there twice; keep one entry of BOUNDARIES for it")]
    Duplicate {
        /// The layer.
        layer: LayerName,
    },
    /// The file is no GeoJSON FeatureCollection.
    #[error("`{key}` of the layer `{layer}` is no GeoJSON FeatureCollection; export it as one")]
    Malformed {
        /// The layer.
        layer: LayerName,
        /// The file's key in the bucket.
        key: String,
        /// What the parser met.
        source: serde_json::Error,
    },
    /// A feature cannot hold a point or give a label.
    #[error("feature {number} of `{key}` for the layer `{layer}`: {problem}")]
    Feature {
        /// The layer.
        layer: LayerName,
        /// The file's key in the bucket.
        key: String,
        /// The feature's place in the file, from 1.
        number: usize,
        /// What is wrong with it and what would be right.
        problem: String,
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
        /// The property that was looked for.
        property: String,
    },
}
