//! A raster over a layer that remembers the cells which no edge crosses.
//!
//! All points of such a cell have the same answer, so the first that asks finds it for all later
//! ones. Trips crowd in a few streets, and most of their points are answered by one look here.

use std::sync::atomic::{AtomicU32, Ordering};

use geo::{Coord, Line, Rect};

const SIDE: usize = 512;
const CELLS_ACROSS: f64 = SIDE as f64;
/// Far above the rounding of the arithmetic here, far below what would mark cells in vain.
const TOLERANCE: f64 = 1e-6;
/// A layer may be a line's breadth wide.
const NARROWEST_DEGREES: f64 = 1e-9;

const NOT_ASKED: u32 = 0;
const CROSSED: u32 = u32::MAX;
const NO_FEATURE: u32 = u32::MAX - 1;

/// The raster, filled while it is used; threads share it.
#[derive(Debug)]
pub(crate) struct Grid {
    extent: Rect,
    cells_per_degree: Coord,
    cells: Vec<AtomicU32>,
}

/// What the raster knows of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The first feature that holds the point, if any does.
    Known(Option<usize>),
    /// Nothing; what is found for the point holds for the whole cell.
    Uniform(usize),
    /// Nothing; the cell must be searched every time.
    Crossed,
}

impl Grid {
    /// A raster over the extent, with every cell marked that an edge crosses.
    pub(crate) fn new(extent: Rect, edges: impl Iterator<Item = Line>) -> Self {
        let per_degree = |degrees: f64| CELLS_ACROSS / degrees.max(NARROWEST_DEGREES);
        let mut grid = Self {
            extent,
            cells_per_degree: Coord {
                x: per_degree(extent.width()),
                y: per_degree(extent.height()),
            },
            cells: (0..SIDE * SIDE)
                .map(|_| AtomicU32::new(NOT_ASKED))
                .collect(),
        };
        edges.for_each(|edge| grid.mark(edge));
        grid
    }

    /// What is known of a point.
    pub(crate) fn ask(&self, at: Coord) -> Answer {
        let (min, max) = (self.extent.min(), self.extent.max());
        let is_inside = (min.x..=max.x).contains(&at.x) && (min.y..=max.y).contains(&at.y);
        if !is_inside {
            return Answer::Known(None);
        }
        let place = self.place(at);
        let cell = index(row_or_column(place.y), row_or_column(place.x));
        match self.cells[cell].load(Ordering::Relaxed) {
            NOT_ASKED => Answer::Uniform(cell),
            CROSSED => Answer::Crossed,
            NO_FEATURE => Answer::Known(None),
            feature => Answer::Known(Some(feature as usize - 1)),
        }
    }

    /// Remembers what was found for a cell that is [`Answer::Uniform`].
    pub(crate) fn remember(&self, cell: usize, feature: Option<usize>) {
        let state = match feature.map(|feature| u32::try_from(feature + 1)) {
            None => NO_FEATURE,
            Some(Ok(state)) if state < NO_FEATURE => state,
            Some(_) => CROSSED,
        };
        self.cells[cell].store(state, Ordering::Relaxed);
    }

    /// A point in cells from the corner, with fractions.
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

/// How far to the left and to the right an edge reaches within a row.
#[allow(clippy::cast_precision_loss)] // Rows are few.
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

/// The row or column of a place, the outermost one for a place on or beyond the edge of the raster.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Clamped before.
fn row_or_column(place: f64) -> usize {
    place.clamp(0.0, CELLS_ACROSS - 1.0) as usize
}

fn index(row: usize, column: usize) -> usize {
    row * SIDE + column
}
