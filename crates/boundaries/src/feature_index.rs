//! An index that finds the first feature of a layer that contains a point.

use geo::{BoundingRect, Coord, Intersects, Line, LinesIter, Polygon, Rect};
use rstar::{AABB, RTree, RTreeObject};

use crate::features::Feature;
use crate::grid::{Grid, Lookup};

/// The features of one layer, found by position.
#[derive(Debug)]
pub(crate) struct FeatureIndex {
    labels: Vec<Option<String>>,
    tree: RTree<Part>,
    /// `None` if no feature has a polygon.
    grid: Option<Grid>,
}

/// One polygon of a feature.
#[derive(Debug)]
struct Part {
    feature: usize,
    polygon: Polygon,
    extent: Rect,
}

impl RTreeObject for Part {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        let (min, max) = (self.extent.min(), self.extent.max());
        AABB::from_corners([min.x, min.y], [max.x, max.y])
    }
}

impl FeatureIndex {
    pub(crate) fn new(features: Vec<Feature>) -> Self {
        let mut parts = Vec::new();
        let mut labels = Vec::with_capacity(features.len());
        for (index, feature) in features.into_iter().enumerate() {
            labels.push(feature.label);
            let polygons = feature.polygons.into_iter();
            parts.extend(polygons.filter_map(|polygon| Part::new(index, polygon)));
        }
        let extent = parts.iter().map(|part| part.extent).reduce(united);
        Self {
            labels,
            grid: extent.map(|extent| Grid::new(extent, parts.iter().flat_map(Part::edges))),
            tree: RTree::bulk_load(parts),
        }
    }

    pub(crate) fn has_area(&self) -> bool {
        self.grid.is_some()
    }

    /// The number of the first feature in the file that contains the point, edges included.
    pub(crate) fn feature_at(&self, at: Coord) -> Option<usize> {
        let grid = self.grid.as_ref()?;
        match grid.look_up(at) {
            Lookup::Known(feature) => feature,
            Lookup::Crossed => self.search(at),
            Lookup::Uniform(cell) => {
                let feature = self.search(at);
                grid.remember(cell, feature);
                feature
            }
        }
    }

    pub(crate) fn label(&self, feature: usize) -> Option<&str> {
        self.labels.get(feature)?.as_deref()
    }

    fn search(&self, at: Coord) -> Option<usize> {
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
}

impl Part {
    fn new(feature: usize, polygon: Polygon) -> Option<Self> {
        Some(Self {
            extent: polygon.bounding_rect()?,
            feature,
            polygon,
        })
    }

    fn edges(&self) -> impl Iterator<Item = Line> {
        self.polygon.lines_iter()
    }
}

fn united(a: Rect, b: Rect) -> Rect {
    let min = |a: Coord, b: Coord| Coord {
        x: a.x.min(b.x),
        y: a.y.min(b.y),
    };
    let max = |a: Coord, b: Coord| Coord {
        x: a.x.max(b.x),
        y: a.y.max(b.y),
    };
    Rect::new(min(a.min(), b.min()), max(a.max(), b.max()))
}
