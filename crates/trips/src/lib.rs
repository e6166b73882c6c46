#![doc = include_str!("../README.md")]

pub mod block;
mod changes;
pub mod envelope;
mod feed;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod hour_state;
pub mod ids;
pub mod json;
mod labels;
mod named_enum;
pub mod public_row;
pub mod status;
pub mod text;
pub mod time;
pub mod trip;
pub mod vehicle;
mod vehicle_type;
pub mod words;

pub use changes::Changes;
pub use feed::{CostUnit, Feed};
pub use labels::Labels;
pub use vehicle_type::VehicleType;
