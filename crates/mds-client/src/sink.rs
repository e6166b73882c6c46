//! Where trips go.

use std::io;

use serde_json::value::RawValue;
use trips::envelope::NonFiniteTrip;

/// Takes the trips of one hour, in the order in which they were sent. It is called on a blocking
/// thread.
///
/// A sink that is dropped before [`fetch_hour`](crate::MdsClient::fetch_hour) returns it has got
/// only part of an hour. It must leave nothing behind.
pub trait TripSink: Send + 'static {
    /// Called once, before the first trip, with the version that the provider serves. If the body
    /// names its version only after the trips, this is the version of the `Content-Type` or the
    /// configured one.
    ///
    /// # Errors
    ///
    /// The trips cannot be stored. The fetch ends with [`MdsError::Sink`](crate::MdsError::Sink).
    fn begin(&mut self, version: &str) -> io::Result<()>;

    /// Takes one trip, exactly as it was sent, or what stands in its place: see
    /// [`read_envelope`](trips::envelope::read_envelope).
    ///
    /// # Errors
    ///
    /// As [`TripSink::begin`].
    fn trip(&mut self, raw: &RawValue) -> io::Result<()>;

    /// Takes a trip that is no JSON because of `NaN`, `Infinity` or `-Infinity`. By default it is
    /// taken with `null` in place of these.
    ///
    /// # Errors
    ///
    /// As [`TripSink::begin`].
    fn non_finite_trip(&mut self, trip: &NonFiniteTrip<'_>) -> io::Result<()> {
        self.trip(trip.with_nulls)
    }
}
