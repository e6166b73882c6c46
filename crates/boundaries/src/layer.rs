//! The three layers and where they are found.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the layers that trips are labelled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerName {
    /// `council_district_start` and `council_district_end`.
    CouncilDistrict,
    /// `census_geoid_start` and `census_geoid_end`.
    CensusGeoid,
    /// `orig_cell_id` and `dest_cell_id`.
    Cell,
}

impl LayerName {
    /// Every layer.
    pub const ALL: [Self; 3] = [Self::CouncilDistrict, Self::CensusGeoid, Self::Cell];

    /// The name used in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CouncilDistrict => "council_district",
            Self::CensusGeoid => "census_geoid",
            Self::Cell => "cell",
        }
    }
}

impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A layer of the settings: `{"layer": …, "key": …, "property": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Which columns it labels.
    pub layer: LayerName,
    /// The key of its GeoJSON in the bucket.
    pub key: String,
    /// The property of a feature that is its label.
    pub property: String,
}

/// The layers used where the settings name none (docs/CONTRACT.md, Postgres).
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
