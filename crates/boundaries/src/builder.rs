//! All layers of a city together.

use geo::Coord;
use trips::Labels;
use trips::trip::{Point, ServiceArea};

use crate::check::lacks_zero;
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
    shortened_geoids: usize,
}

impl Builder {
    /// Adds a layer, read from the GeoJSON text of its file.
    ///
    /// Every feature is a Polygon, a MultiPolygon or a collection with them in WGS84 degrees, or
    /// has a null or empty geometry and contains no point. Its label is the layer's property, a
    /// string or a number.
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
        let features = features::read(layer, geojson)?;
        if layer.layer == LayerName::CensusGeoid {
            self.shortened_geoids = features.iter().filter(|it| lacks_zero(it)).count();
        }
        *slot = Some(FeatureIndex::new(features));
        Ok(self)
    }

    /// How many census tracts have an id of ten digits. It should have eleven: whoever wrote the
    /// file as numbers has lost the zero with which some states begin.
    #[must_use]
    pub fn shortened_geoids(&self) -> usize {
        self.shortened_geoids
    }

    /// Whether a layer has been added of which no feature has an area, so that no point is in it.
    #[must_use]
    pub fn is_without_area(&self, layer: LayerName) -> bool {
        let layer = self.boundaries.layers[layer as usize].as_ref();
        layer.is_some_and(|layer| !layer.has_area())
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
