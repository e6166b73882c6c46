//! Which council district, census tract and cell a point lies in.
//!
//! Each layer is a GeoJSON FeatureCollection (docs/CONTRACT.md, Postgres). A point on an edge
//! counts as inside; where several features hold it, the first in the file wins; a point in none
//! has no label.

mod builder;
mod error;
mod features;
mod grid;
mod layer;
mod lookup;

pub use builder::{Boundaries, Builder, Labels};
pub use error::BoundaryError;
pub use layer::{Layer, LayerName, default_layers};

#[cfg(test)]
mod tests;
