//! Cutting a JSON array of rows into uploads.

use std::io::{self, Read};

use bytes::Bytes;
use trips::json::{Elements, JsonError};

/// Maximum number of rows of one upload. The portal does not document its own limit; this many
/// work.
pub const MAX_CHUNK_ROWS: usize = 10_000;
/// Maximum size of one upload: 16 MiB.
pub const MAX_CHUNK_BYTES: usize = 16 << 20;

const TOO_LARGE: &str = "a row is larger than an upload may be";
const NOT_AN_OBJECT: &str = "a row is not a JSON object";

/// A part of the rows, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// A JSON array of `rows` objects, each as it stands in the input.
    pub body: Bytes,
    /// How many rows it has; at least 1.
    pub rows: usize,
    /// How many of them delete a row.
    pub deletions: usize,
}

/// Why rows could not be cut into chunks. It quotes none of them.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// The reader failed.
    #[error("the rows could not be read to their end")]
    Read(#[from] io::Error),
    /// The input is not a JSON array of objects, or a row is too large.
    #[error("after {rows} rows: {problem}")]
    Malformed {
        /// How many rows precede the error.
        rows: u64,
        /// What is wrong.
        problem: String,
    },
}

/// The rows of a JSON array of objects, none of which deletes one, in order, one chunk at a time.
/// Memory holds one chunk and one row. The stream ends after its first error.
pub struct Chunks<R> {
    rows: Elements<R>,
    chunk_rows: usize,
    chunk_bytes: usize,
    rows_to_skip: u64,
    rows_read: u64,
    /// Holds the row that did not fit into the last chunk.
    next_body: Body,
    is_done: bool,
}

impl<R: Read> Chunks<R> {
    /// Chunks of at most `chunk_rows` rows, limited to 1 to [`MAX_CHUNK_ROWS`], and of at most
    /// [`MAX_CHUNK_BYTES`].
    pub fn new(reader: R, chunk_rows: usize) -> Self {
        Self {
            rows: Elements::new(reader).max_element_bytes(MAX_CHUNK_BYTES),
            chunk_rows: chunk_rows.clamp(1, MAX_CHUNK_ROWS),
            chunk_bytes: MAX_CHUNK_BYTES,
            rows_to_skip: 0,
            rows_read: 0,
            next_body: Body::default(),
            is_done: false,
        }
    }

    /// Leaves out the first `rows` rows, which have been sent before.
    #[must_use]
    pub fn skip_rows(self, rows: u64) -> Self {
        Self {
            rows_to_skip: rows,
            ..self
        }
    }

    /// The same rows in chunks of at most `bytes` bytes, if that is less.
    #[must_use]
    pub fn chunk_bytes(self, bytes: usize) -> Self {
        let chunk_bytes = bytes.min(MAX_CHUNK_BYTES);
        Self {
            rows: self.rows.max_element_bytes(chunk_bytes),
            chunk_bytes,
            ..self
        }
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, ChunkError> {
        let mut body = std::mem::take(&mut self.next_body);
        while body.rows < self.chunk_rows && self.next_body.rows == 0 {
            if !self.add_row(&mut body)? {
                break;
            }
        }
        Ok(body.finish())
    }

    /// Reads a row into `body`, or into the next one if it does not fit; `false` after the last
    /// row.
    fn add_row(&mut self, body: &mut Body) -> Result<bool, ChunkError> {
        let is_skipped = self.rows_read < self.rows_to_skip;
        let (next_body, chunk_bytes) = (&mut self.next_body, self.chunk_bytes);
        let added = self.rows.next_with(|row| {
            let row = row.get();
            if !row.starts_with('{') {
                return Err(NOT_AN_OBJECT);
            }
            if is_skipped || body.add(row, chunk_bytes) {
                return Ok(());
            }
            next_body
                .add(row, chunk_bytes)
                .then_some(())
                .ok_or(TOO_LARGE)
        });
        match added {
            Ok(None) => return Ok(false),
            Ok(Some(Ok(()))) => {}
            Ok(Some(Err(problem))) => return Err(self.malformed(problem)),
            Err(JsonError::Read(source)) => return Err(ChunkError::Read(source)),
            Err(JsonError::TooLarge { .. }) => return Err(self.malformed(TOO_LARGE)),
            Err(JsonError::Malformed { problem, .. }) => return Err(self.malformed(problem)),
        }
        self.rows_read += 1;
        Ok(true)
    }

    fn malformed(&self, problem: impl Into<String>) -> ChunkError {
        ChunkError::Malformed {
            rows: self.rows_read,
            problem: problem.into(),
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

/// A chunk under construction.
#[derive(Default)]
struct Body {
    json: Vec<u8>,
    rows: usize,
}

impl Body {
    /// Adds a row if the body, with its closing bracket, then has at most `max_bytes`.
    fn add(&mut self, row: &str, max_bytes: usize) -> bool {
        let separator = if self.rows == 0 { b'[' } else { b',' };
        let fits = self.json.len() + row.len() + 2 <= max_bytes;
        if fits {
            self.json.push(separator);
            self.json.extend_from_slice(row.as_bytes());
            self.rows += 1;
        }
        fits
    }

    fn finish(mut self) -> Option<Chunk> {
        self.json.push(b']');
        (self.rows > 0).then(|| Chunk {
            body: self.json.into(),
            rows: self.rows,
            deletions: 0,
        })
    }
}

#[cfg(test)]
mod tests;
