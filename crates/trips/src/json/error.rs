//! Why a JSON text could not be read to its end.

use std::io;

/// Why a JSON text could not be read to its end. No variant quotes the text, unless
/// [`Elements::next_as`](super::Elements::next_as) meets a value of the wrong type.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The reader failed.
    #[error("the text could not be read to its end")]
    Read(#[source] io::Error),
    /// The text is not JSON, ends too early, or does not have the expected form.
    #[error("the text is malformed: after byte {at}, {problem}")]
    Malformed {
        /// How many bytes precede the value in question.
        at: u64,
        /// What is wrong there; line and column count from that value.
        problem: String,
    },
    /// One value is larger than the reader accepts.
    #[error("the text has a value of more than {limit} bytes after byte {at}")]
    TooLarge {
        /// How many bytes precede the value.
        at: u64,
        /// The maximum size of one value in bytes.
        limit: usize,
    },
}
