#![doc = include_str!("../README.md")]

mod boundary;
mod environment;
mod error;
mod key_names;
mod load;
mod providers;
mod secret;
mod settings;
mod text;

pub use boundary::{check_boundary, load_boundaries};
pub use environment::{Environment, KeySource, check_endpoint};
pub use error::ConfigError;
pub use load::{Config, load, open_vault};
pub use providers::Providers;
pub use settings::Settings;
