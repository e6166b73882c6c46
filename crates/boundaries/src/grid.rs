//! A grid over a layer that remembers the feature of each cell that no edge crosses.
//!
//! All points of such a cell lie in the same feature, so the first search serves all later points.
//! Trips crowd in a few streets, and most of their points need one look here.

use std::sync::atomic::{AtomicU32, Ordering};

use geo::{Coord, Line, Rect};

const SIDE: usize = 512;
const CELLS_ACROSS: f64 = SIDE as f64;
/// In cells. Far above the rounding errors here, far below what would mark cells needlessly.
const TOLERANCE: f64 = 1e-6;
/// Keeps the division finite for a layer without width or height.
const MIN_EXTENT_DEGREES: f64 = 1e-9;

const UNKNOWN: u32 = 0;
const CROSSED: u32 = u32::MAX;
const NO_FEATURE: u32 = u32::MAX - 1;

/// The grid. Look-ups fill it; threads share it.
#[derive(Debug)]
pub(crate) struct Grid {
    extent: Rect,
    cells_per_degree: Coord,
    cells: Vec<AtomicU32>,
}

/// What the grid knows about a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// The first feature that contains the point, if any.
    Known(Option<usize>),
    /// Nothing yet. The search result for the point applies to this whole cell.
    Uniform(usize),
    /// Nothing. Every point of the cell needs a search.
    Crossed,
}

impl Grid {
    /// A grid over the extent, with every cell marked that an edge crosses.
    pub(crate) fn new(extent: Rect, edges: impl Iterator<Item = Line>) -> Self {
        let per_degree = |degrees: f64| CELLS_ACROSS / degrees.max(MIN_EXTENT_DEGREES);
        let mut grid = Self {
            extent,
            cells_per_degree: Coord {
                x: per_degree(extent.width()),
                y: per_degree(extent.height()),
            },
            cells: (0..SIDE * SIDE).map(|_| AtomicU32::new(UNKNOWN)).collect(),
        };
        edges.for_each(|edge| grid.mark(edge));
        grid
    }

    /// What is known about a point.
    pub(crate) fn look_up(&self, at: Coord) -> Lookup {
        let (min, max) = (self.extent.min(), self.extent.max());
        let is_inside = (min.x..=max.x).contains(&at.x) && (min.y..=max.y).contains(&at.y);
        if !is_inside {
            return Lookup::Known(None);
        }
        let place = self.place(at);
        let cell = index(row_or_column(place.y), row_or_column(place.x));
        match self.cells[cell].load(Ordering::Relaxed) {
            UNKNOWN => Lookup::Uniform(cell),
            CROSSED => Lookup::Crossed,
            NO_FEATURE => Lookup::Known(None),
            feature => Lookup::Known(Some(feature as usize - 1)),
        }
    }

    /// Remembers the search result of a cell that was [`Lookup::Uniform`].
    pub(crate) fn remember(&self, cell: usize, feature: Option<usize>) {
        let state = match feature.map(|feature| u32::try_from(feature + 1)) {
            None => NO_FEATURE,
            Some(Ok(state)) if state < NO_FEATURE => state,
            Some(_) => CROSSED,
        };
        self.cells[cell].store(state, Ordering::Relaxed);
    }

    /// A point's distance from the corner, in cells.
    fn place(&self, at: Coord) -> Coord {
        let min = self.extent.min();
        Coord {
            x: (at.x - min.x) * self.cells_per_degree.x,
            y: (at.y - min.y) * self.cells_per_degree.y,
        }
    }

    fn mark(&mut self, edge: Line) {
        let (from, to) = (self.place(edge.start), self.place(edge.end));
        let bottom = row_or_column(from.y.min(to.y) - TOLERANCE);
        let top = row_or_column(from.y.max(to.y) + TOLERANCE);
        for row in bottom..=top {
            let (left, right) = columns_in_row(from, to, row);
            for column in row_or_column(left - TOLERANCE)..=row_or_column(right + TOLERANCE) {
                *self.cells[index(row, column)].get_mut() = CROSSED;
            }
        }
    }
}

/// The leftmost and the rightmost place of an edge within a row.
fn columns_in_row(from: Coord, to: Coord, row: usize) -> (f64, f64) {
    let rise = to.y - from.y;
    if rise == 0.0 {
        return (from.x.min(to.x), from.x.max(to.x));
    }
    let column_at = |y: f64| from.x + ((y - from.y) / rise).clamp(0.0, 1.0) * (to.x - from.x);
    let lower = column_at(row as f64 - TOLERANCE);
    let upper = column_at(row as f64 + 1.0 + TOLERANCE);
    (lower.min(upper), lower.max(upper))
}

/// The row or column of a place; the outermost one for a place on or outside the edge of the grid.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped"
)]
fn row_or_column(place: f64) -> usize {
    place.clamp(0.0, CELLS_ACROSS - 1.0) as usize
}

fn index(row: usize, column: usize) -> usize {
    row * SIDE + column
}
