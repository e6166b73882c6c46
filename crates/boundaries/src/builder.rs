//! All layers of a city together.

use geo::Coord;
use trips::Labels;
use trips::trip::{Point, ServiceArea};

use crate::feature_index::FeatureIndex;
use crate::features;
use crate::{BoundaryError, Layer, LayerName};

/// The layers of a city, indexed. Built once per environment and shared by threads.
#[derive(Debug, Default)]
pub struct Boundaries {
    layers: [Option<FeatureIndex>; LayerName::ALL.len()],
}

/// Collects the layers one by one.
#[derive(Debug, Default)]
pub struct Builder {
    boundaries: Boundaries,
}

impl Builder {
    /// Adds a layer, read from the GeoJSON text of its file.
    ///
    /// Every feature is a Polygon or a MultiPolygon in WGS84 degrees, or has a null geometry and
    /// contains no point. Its label is the layer's property, a string or a number.
    ///
    /// # Errors
    ///
    /// [`BoundaryError::Duplicate`] if the layer has been added before,
    /// [`BoundaryError::Malformed`] and [`BoundaryError::Feature`] for a file that is not such a
    /// GeoJSON file, [`BoundaryError::NoLabels`] if no feature has the property.
    pub fn add_layer(mut self, layer: &Layer, geojson: &[u8]) -> Result<Self, BoundaryError> {
        let slot = &mut self.boundaries.layers[layer.layer as usize];
        if slot.is_some() {
            return Err(BoundaryError::Duplicate { layer: layer.layer });
        }
        *slot = Some(FeatureIndex::new(features::read(layer, geojson)?));
        Ok(self)
    }

    /// The boundaries of the layers added.
    #[must_use]
    pub fn build(self) -> Boundaries {
        self.boundaries
    }
}

impl Boundaries {
    /// A builder without layers.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The labels of the features that contain a point.
    #[must_use]
    pub fn labels(&self, point: Point) -> Labels<'_> {
        let label = |name: LayerName| {
            let layer = self.layers[name as usize].as_ref()?;
            layer.label(layer.feature_at(coord(point))?)
        };
        Labels {
            council_district: label(LayerName::CouncilDistrict),
            census_geoid: label(LayerName::CensusGeoid),
            cell: label(LayerName::Cell),
        }
    }
}

/// The service area is all layers together. Without layers every point counts as covered, because
/// nothing is known to be outside.
impl ServiceArea for Boundaries {
    fn covers(&self, point: Point) -> bool {
        let mut layers = self.layers.iter().flatten().peekable();
        layers.peek().is_none() || layers.any(|layer| layer.feature_at(coord(point)).is_some())
    }
}

fn coord(point: Point) -> Coord {
    Coord {
        x: point.lng,
        y: point.lat,
    }
}
