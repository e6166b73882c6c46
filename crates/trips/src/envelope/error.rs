//! Why an answer could not be read to its end.

use std::io;

/// Why an answer could not be read to its end. No variant quotes the answer.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// The reader failed: the connection broke, or the archive could not be opened.
    #[error("the answer could not be read to its end")]
    Read(#[source] io::Error),
    /// What takes the trips failed to take one.
    #[error("a trip of the answer could not be passed on")]
    Sink(#[source] io::Error),
    /// The text is no JSON, or ends before its time.
    #[error("the answer is no JSON: after byte {at}, {problem}")]
    Malformed {
        /// How many bytes stand before the value in question.
        at: u64,
        /// What is wrong there; line and column count from that value.
        problem: String,
    },
    /// One value is larger than any trip.
    #[error("the answer has a value of more than {limit} bytes after byte {at}")]
    TooLarge {
        /// How many bytes stand before the value.
        at: u64,
        /// The greatest size of one value in bytes.
        limit: usize,
    },
    /// The answer is JSON, but no envelope of trips.
    #[error("the answer holds no trips: {problem}")]
    NotAnEnvelope {
        /// What is missing or of another type.
        problem: &'static str,
    },
}
