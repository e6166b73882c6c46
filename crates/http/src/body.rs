//! Bodies of bounded size.

use std::io;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use crate::Chunks;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// There is more than the caller reads.
    #[error("the body is larger than the cap of {max_bytes} bytes")]
    TooLarge {
        /// The cap.
        max_bytes: usize,
    },
    /// The connection failed, or the time-out of the request ran out.
    #[error("the body is incomplete: {}", crate::transport_cause(.0))]
    Transport(#[source] reqwest::Error),
    /// It is not what its `Content-Encoding` says, or ends too early for it.
    #[error("the body is not the gzip that its Content-Encoding names: {0}")]
    Encoding(#[source] io::Error),
}

/// Reads a whole body of at most `max_bytes`, counted after decompression.
///
/// The time-out of the request ([`reqwest::RequestBuilder::timeout`]) bounds the body as well.
///
/// # Errors
///
/// [`BodyError`], without the URL.
pub async fn read_body(response: Response, max_bytes: usize) -> Result<Bytes, BodyError> {
    let mut chunks = Chunks::of(response);
    let mut body = BytesMut::new();
    while let Some(chunk) = chunks.next().await? {
        if body.len() + chunk.len() > max_bytes {
            return Err(BodyError::TooLarge { max_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests;
