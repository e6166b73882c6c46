//! The three layers and their files.

use serde::{Deserialize, Serialize};
use trips::named_enum;

named_enum! {
    /// One of the layers that trips are labelled with. Its name is used in the settings.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum LayerName {
        /// `council_district_start` and `council_district_end`.
        CouncilDistrict => "council_district",
        /// `census_geoid_start` and `census_geoid_end`.
        CensusGeoid => "census_geoid",
        /// `orig_cell_id` and `dest_cell_id`.
        Cell => "cell",
    }
}

/// A layer of the settings: `{"layer": …, "key": …, "property": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The layer, and so the columns that it labels.
    pub layer: LayerName,
    /// The key of its GeoJSON in the bucket.
    pub key: String,
    /// The property that holds a feature's label.
    pub property: String,
}

/// The layers if the settings name none (docs/CONTRACT.md, "Boundaries").
#[must_use]
pub fn default_layers() -> Vec<Layer> {
    [
        (LayerName::CouncilDistrict, "district_n"),
        (LayerName::CensusGeoid, "GEOID10"),
        (LayerName::Cell, "id"),
    ]
    .into_iter()
    .map(|(layer, property)| Layer {
        layer,
        key: format!("boundaries/{layer}.json"),
        property: property.to_owned(),
    })
    .collect()
}

#[cfg(test)]
mod tests;
