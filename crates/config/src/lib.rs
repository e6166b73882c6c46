//! What the system is told: the environment, and the two encrypted files in the bucket
//! (docs/CONTRACT.md, Configuration).
//!
//! [`Environment`] names the bucket, the keys and the files; [`load`] reads [`Settings`] and
//! [`Providers`] from there. A setting that only some steps need is checked when one asks for it,
//! so that a portal's missing password does not stop the extraction of trips.
//!
//! No `Debug`, no error and no log line holds a value of these files.

mod boundary;
mod environment;
mod error;
mod load;
mod providers;
mod secret;
mod settings;
mod text;

pub use boundary::load_boundaries;
pub use environment::{Environment, KeySource};
pub use error::ConfigError;
pub use load::{Config, load, open_vault};
pub use providers::Providers;
pub use settings::Settings;
