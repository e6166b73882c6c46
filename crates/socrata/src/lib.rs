//! Client of one dataset on a Socrata open data portal: rows in by upsert, counts out.
//!
//! [`Chunks`] cuts a stored JSON array of rows into uploads of bounded size, and
//! [`SocrataClient::upsert`] sends one of them. An upsert is idempotent by the dataset's row
//! identifier, so every failure that can pass is tried again.
//!
//! Nothing that this crate prints or returns as an error holds a secret or any part of a row.

mod chunks;
mod client;
mod config;
mod error;
mod request;
mod retry;
mod upsert;

pub use chunks::{Chunk, ChunkError, Chunks, MAX_CHUNK_BYTES, MAX_CHUNK_ROWS};
pub use client::SocrataClient;
pub use config::{DatasetId, DatasetIdError, EndpointError, SocrataConfig, parse_endpoint};
pub use error::SocrataError;
pub use retry::RetryPolicy;
pub use upsert::Upsert;
