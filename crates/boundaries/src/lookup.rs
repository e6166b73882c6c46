//! From a point to the first feature of a layer that holds it.

use geo::{BoundingRect, Coord, Intersects, Polygon};
use rstar::{AABB, RTree, RTreeObject};

use crate::features::Feature;

/// The features of one layer, found by place.
#[derive(Debug)]
pub(crate) struct Lookup {
    tree: RTree<Part>,
    labels: Vec<Option<String>>,
}

/// One polygon of a feature.
#[derive(Debug)]
struct Part {
    feature: usize,
    polygon: Polygon,
    envelope: AABB<[f64; 2]>,
}

impl RTreeObject for Part {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.envelope
    }
}

impl Lookup {
    pub(crate) fn new(features: Vec<Feature>) -> Self {
        let mut parts = Vec::new();
        let mut labels = Vec::with_capacity(features.len());
        for (index, feature) in features.into_iter().enumerate() {
            labels.push(feature.label);
            parts.extend(
                feature
                    .polygons
                    .into_iter()
                    .filter_map(|polygon| Part::new(index, polygon)),
            );
        }
        Self {
            tree: RTree::bulk_load(parts),
            labels,
        }
    }

    /// The index of the first feature in the file that holds the point or has it on an edge.
    pub(crate) fn feature_at(&self, at: Coord) -> Option<usize> {
        self.tree
            .locate_in_envelope_intersecting(AABB::from_point([at.x, at.y]))
            .fold(None, |first: Option<usize>, part| {
                let is_earlier = first.is_none_or(|first| part.feature < first);
                if is_earlier && part.polygon.intersects(&at) {
                    Some(part.feature)
                } else {
                    first
                }
            })
    }

    pub(crate) fn label(&self, feature: usize) -> Option<&str> {
        self.labels.get(feature)?.as_deref()
    }
}

impl Part {
    fn new(feature: usize, polygon: Polygon) -> Option<Self> {
        let rect = polygon.bounding_rect()?;
        let corners = ([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]);
        Some(Self {
            feature,
            polygon,
            envelope: AABB::from_corners(corners.0, corners.1),
        })
    }
}
