//! [`Chunk`]: the rows of one upload.

use bytes::Bytes;

/// Maximum number of rows of one upload. The portal does not document its own limit; this many
/// work.
pub const MAX_CHUNK_ROWS: usize = 10_000;
/// Maximum size of one upload: 16 MiB.
pub const MAX_CHUNK_BYTES: usize = 16 << 20;

/// The rows of one upload, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// A JSON array of `rows` objects.
    pub body: Bytes,
    /// How many rows it has; at least 1.
    pub rows: usize,
    /// How many of them delete a row.
    pub deletions: usize,
}
