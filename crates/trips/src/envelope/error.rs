//! Why a provider's response could not be read to its end.

use std::io;

use crate::json::JsonError;

/// Why a provider's response could not be read to its end. No variant quotes the response.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// The reader failed: the connection broke, or the archive could not be opened.
    #[error("the answer could not be read to its end")]
    Read(#[source] io::Error),
    /// The visitor failed to take a trip.
    #[error("a trip of the answer could not be passed on")]
    Sink(#[source] io::Error),
    /// The text is not JSON, or ends too early.
    #[error("the answer is not JSON: after byte {at}, {problem}")]
    Malformed {
        /// How many bytes precede the value in question.
        at: u64,
        /// What is wrong there; line and column count from that value.
        problem: String,
    },
    /// One value is larger than any trip.
    #[error("the answer has a value of more than {limit} bytes after byte {at}")]
    TooLarge {
        /// How many bytes precede the value.
        at: u64,
        /// The maximum size of one value in bytes.
        limit: usize,
    },
    /// The response is JSON, but not an envelope of trips.
    #[error("the answer holds no trips: {problem}")]
    NotAnEnvelope {
        /// What is missing or of another type.
        problem: String,
    },
}

impl From<JsonError> for EnvelopeError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Read(source) => Self::Read(source),
            JsonError::Malformed { at, problem } => Self::Malformed { at, problem },
            JsonError::TooLarge { at, limit } => Self::TooLarge { at, limit },
        }
    }
}
