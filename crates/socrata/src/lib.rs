#![doc = include_str!("../README.md")]

mod chunk;
mod client;
mod config;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod held;
mod metadata;
mod options;
mod outline;
mod request;
mod resource;
mod upsert;

pub use chunk::{Chunk, MAX_CHUNK_BYTES, MAX_CHUNK_ROWS};
pub use client::SocrataClient;
pub use config::{
    DatasetId, DatasetIdError, EndpointError, SocrataConfig, has_unused_path, parse_endpoint,
};
pub use error::SocrataError;
pub use held::MaySend;
pub use metadata::{ColumnKind, DatasetInfo};
pub use options::ClientOptions;
pub use upsert::Upsert;
