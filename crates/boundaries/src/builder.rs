//! All layers together.

use geo::Coord;
use trips::trip::{Point, ServiceArea};

use crate::features;
use crate::lookup::Lookup;
use crate::{BoundaryError, Layer, LayerName};

/// The layers of a city, ready to be asked. Built once per environment and shared by threads.
#[derive(Debug, Default)]
pub struct Boundaries {
    layers: [Option<Lookup>; LayerName::ALL.len()],
}

/// Takes the layers one by one.
#[derive(Debug, Default)]
pub struct Builder {
    boundaries: Boundaries,
}

/// Where a point lies, by layer; `None` for a point in no feature, one in a feature without a
/// label, and a layer that is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Labels<'a> {
    /// The council district.
    pub council_district: Option<&'a str>,
    /// The census tract.
    pub census_geoid: Option<&'a str>,
    /// The cell.
    pub cell: Option<&'a str>,
}

impl Builder {
    /// Adds a layer, read from the GeoJSON text of its file.
    ///
    /// Every feature is a Polygon or a MultiPolygon in WGS84 degrees; one with a null geometry
    /// holds nothing. Its label is the layer's property, a text or a number.
    ///
    /// # Errors
    ///
    /// [`BoundaryError::Duplicate`] if the layer has been added before,
    /// [`BoundaryError::Malformed`] and [`BoundaryError::Feature`] for a file that is no such
    /// GeoJSON, [`BoundaryError::NoLabels`] if no feature has the property.
    pub fn add_layer(mut self, layer: &Layer, geojson: &[u8]) -> Result<Self, BoundaryError> {
        let slot = &mut self.boundaries.layers[layer.layer as usize];
        if slot.is_some() {
            return Err(BoundaryError::Duplicate { layer: layer.layer });
        }
        *slot = Some(Lookup::new(features::read(layer, geojson)?));
        Ok(self)
    }

    /// The boundaries of the layers added.
    #[must_use]
    pub fn build(self) -> Boundaries {
        self.boundaries
    }
}

impl Boundaries {
    /// Begins without a layer.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where a point lies.
    #[must_use]
    pub fn labels(&self, point: Point) -> Labels<'_> {
        let label = |name: LayerName| {
            let lookup = self.layers[name as usize].as_ref()?;
            lookup.label(lookup.feature_at(coord(point))?)
        };
        Labels {
            council_district: label(LayerName::CouncilDistrict),
            census_geoid: label(LayerName::CensusGeoid),
            cell: label(LayerName::Cell),
        }
    }
}

/// The service area is all layers together. Without a layer nothing is known to be outside, and
/// every point counts as covered.
impl ServiceArea for Boundaries {
    fn covers(&self, point: Point) -> bool {
        let mut layers = self.layers.iter().flatten().peekable();
        layers.peek().is_none() || layers.any(|lookup| lookup.feature_at(coord(point)).is_some())
    }
}

fn coord(point: Point) -> Coord {
    Coord {
        x: point.lng,
        y: point.lat,
    }
}
