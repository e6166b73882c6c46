//! [`Chunks`]: a body as it arrives, decompressed.

use std::io;

use async_compression::tokio::bufread::GzipDecoder;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio::io::AsyncBufReadExt;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::BodyError;

/// How much is decompressed at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// The bytes of a body, piece by piece, decompressed if they are gzip. Dropping it ends the
/// request.
///
/// The HTTP library would read the first of several members only (RFC 1952, section 2.2), and take
/// the rest for nothing.
pub struct Chunks {
    chunks: BoxStream<'static, Result<Bytes, BodyError>>,
}

impl Chunks {
    /// The body of a response.
    #[must_use]
    pub fn of(response: Response) -> Self {
        let is_gzip = is_gzip(response.headers());
        let bytes = response.bytes_stream().map_err(reqwest::Error::without_url);
        Self {
            chunks: if is_gzip {
                decompressed(bytes).boxed()
            } else {
                bytes.map_err(BodyError::Transport).boxed()
            },
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`BodyError::Transport`], [`BodyError::Encoding`]. Nothing comes after an error.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.chunks.next().await.transpose()
    }
}

impl std::fmt::Debug for Chunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunks").finish_non_exhaustive()
    }
}

/// Whether a body with these headers is decompressed by [`Chunks`]. `x-gzip` is the same (RFC 9110,
/// section 8.4.1.3).
#[must_use]
pub fn is_gzip(headers: &HeaderMap) -> bool {
    let encoding = headers
        .get(CONTENT_ENCODING)
        .map(|it| it.as_bytes().trim_ascii());
    encoding
        .is_some_and(|it| it.eq_ignore_ascii_case(b"gzip") || it.eq_ignore_ascii_case(b"x-gzip"))
}

fn decompressed(
    bytes: impl Stream<Item = Result<Bytes, reqwest::Error>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
    let mut reader = StreamReader::new(bytes.map_err(io::Error::other).boxed());
    let stream = async move {
        // Some servers name the encoding of a body that they leave out.
        if reader.fill_buf().await?.is_empty() {
            return Ok::<_, io::Error>(None);
        }
        let mut decoder = GzipDecoder::new(reader);
        decoder.multiple_members(true);
        Ok(Some(ReaderStream::with_capacity(decoder, CHUNK_BYTES)))
    };
    futures::stream::once(stream)
        .try_filter_map(async |stream| Ok(stream))
        .try_flatten()
        .map_err(unreadable)
}

fn unreadable(error: io::Error) -> BodyError {
    match error.downcast::<reqwest::Error>() {
        Ok(error) => BodyError::Transport(error),
        Err(error) => BodyError::Encoding(error),
    }
}

#[cfg(test)]
mod tests;
