//! Where trips go.

use std::io;

use serde_json::value::RawValue;

/// Takes the trips of one hour, in the order they were sent. Called from a blocking thread.
///
/// A sink that is dropped before [`fetch_hour`](crate::MdsClient::fetch_hour) gives it back has
/// seen only part of an hour and must leave nothing behind.
pub trait TripSink {
    /// Comes first and once, with the version that the provider says it serves. Where the body
    /// names its version only after the trips, the version is the one of the `Content-Type` or the
    /// configured one.
    ///
    /// # Errors
    ///
    /// Any failure to store; ends the fetch with [`MdsError::Sink`](crate::MdsError::Sink).
    fn begin(&mut self, version: &str) -> io::Result<()>;

    /// One trip, exactly as sent.
    ///
    /// # Errors
    ///
    /// As [`TripSink::begin`].
    fn trip(&mut self, raw: &RawValue) -> io::Result<()>;
}
