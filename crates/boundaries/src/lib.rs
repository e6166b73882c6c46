#![doc = include_str!("../README.md")]

mod builder;
mod check;
mod error;
mod feature_index;
mod features;
mod geometry;
mod grid;
mod layer;

pub use builder::{Boundaries, Builder};
pub use check::check_layer;
pub use error::BoundaryError;
pub use features::check_geometry;
pub use layer::{Layer, LayerName, default_layers};

#[cfg(test)]
mod tests;
