//! Cutting a JSON array of rows into uploads.

use std::io::{self, Read};

use bytes::Bytes;
use serde::de::IgnoredAny;

mod scan;

use scan::{Row, Rows};

/// Most rows of one upload; the portal's own limit is not documented, and this many have been found
/// to work.
pub const MAX_CHUNK_ROWS: usize = 10_000;
/// Most bytes of one upload: 16 MiB.
pub const MAX_CHUNK_BYTES: usize = 16 << 20;

/// A part of the rows, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// A JSON array of `rows` objects, each as it stands in the input.
    pub body: Bytes,
    /// How many rows it has; at least 1.
    pub rows: usize,
}

/// Why rows could not be cut. Quotes nothing of them.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// The reader failed.
    #[error("the rows could not be read to their end")]
    Read(#[from] io::Error),
    /// The input is no JSON array of objects.
    #[error("behind {rows} rows, {problem}")]
    Malformed {
        /// How many rows stand before the fault.
        rows: u64,
        /// What is wrong.
        problem: &'static str,
    },
}

/// The rows of a JSON array of objects, in order, a chunk at a time. Memory holds one chunk and one
/// row. Ends after the first error.
pub struct Chunks<R> {
    rows: Rows<R>,
    chunk_rows: usize,
    chunk_bytes: usize,
    skip: u64,
    seen: u64,
    /// A row that did not fit into the last chunk.
    held: Option<Vec<u8>>,
    is_done: bool,
}

impl<R: Read> Chunks<R> {
    /// Chunks of at most `chunk_rows` rows, which is held within 1 and [`MAX_CHUNK_ROWS`], and of
    /// at most [`MAX_CHUNK_BYTES`].
    pub fn new(reader: R, chunk_rows: usize) -> Self {
        Self {
            rows: Rows::new(reader),
            chunk_rows: chunk_rows.clamp(1, MAX_CHUNK_ROWS),
            chunk_bytes: MAX_CHUNK_BYTES,
            skip: 0,
            seen: 0,
            held: None,
            is_done: false,
        }
    }

    /// Leaves out the first `rows` rows, which have been sent before.
    #[must_use]
    pub fn skip_rows(self, rows: u64) -> Self {
        Self { skip: rows, ..self }
    }

    /// The same rows in chunks of at most `bytes` bytes, where that is less.
    #[must_use]
    pub fn chunk_bytes(self, bytes: usize) -> Self {
        Self {
            chunk_bytes: bytes.min(MAX_CHUNK_BYTES),
            ..self
        }
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, ChunkError> {
        let mut body = Vec::new();
        let mut rows = 0;
        while rows < self.chunk_rows {
            let Some(row) = self.next_row()? else {
                break;
            };
            // One more for the bracket behind it.
            let length = body.len() + 1 + row.len() + 1;
            if length > self.chunk_bytes {
                if rows == 0 {
                    return Err(self.malformed("a row is larger than an upload may be"));
                }
                self.held = Some(row);
                break;
            }
            body.push(if rows == 0 { b'[' } else { b',' });
            body.extend_from_slice(&row);
            rows += 1;
        }
        body.push(b']');
        Ok((rows > 0).then(|| Chunk {
            body: body.into(),
            rows,
        }))
    }

    fn next_row(&mut self) -> Result<Option<Vec<u8>>, ChunkError> {
        if let Some(row) = self.held.take() {
            return Ok(Some(row));
        }
        loop {
            let row = match self.rows.next(self.chunk_bytes) {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(None),
                Err(scan::Fault::Io(error)) => return Err(ChunkError::Read(error)),
                Err(scan::Fault::Shape(problem)) => return Err(self.malformed(problem)),
            };
            let Row(row) = row;
            if serde_json::from_slice::<IgnoredAny>(&row).is_err() {
                return Err(self.malformed("a row is no JSON"));
            }
            self.seen += 1;
            if self.seen > self.skip {
                return Ok(Some(row));
            }
        }
    }

    fn malformed(&self, problem: &'static str) -> ChunkError {
        ChunkError::Malformed {
            rows: self.seen,
            problem,
        }
    }
}

impl<R: Read> Iterator for Chunks<R> {
    type Item = Result<Chunk, ChunkError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let chunk = self.next_chunk().transpose();
        self.is_done = !matches!(chunk, Some(Ok(_)));
        chunk
    }
}

#[cfg(test)]
mod tests;
