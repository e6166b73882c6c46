//! Writing the archive of a block.

use std::io::{self, Write};

use serde_json::value::RawValue;

use super::NonFiniteTrip;
use crate::json::ArrayWriter;

/// Writes `{"version": …, "data": {"trips": […]}}`, every trip as it was sent.
///
/// It does not buffer. An archive that is dropped instead of finished lacks its end and does not
/// read as an archive.
#[derive(Debug)]
pub struct ArchiveWriter<W> {
    trips: ArrayWriter<W>,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive of trips that were served as this version of MDS.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn new(out: W, version: &str) -> io::Result<Self> {
        Self::of_list(out, version, "trips")
    }

    /// Begins an archive of another list: 2.0's `telemetry`.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn of_list(mut out: W, version: &str, list: &str) -> io::Result<Self> {
        out.write_all(b"{\"version\":")?;
        serde_json::to_writer(&mut out, version)?;
        out.write_all(b",\"data\":{")?;
        serde_json::to_writer(&mut out, list)?;
        out.write_all(b":")?;
        Ok(Self {
            trips: ArrayWriter::new(out)?.on_one_line(),
        })
    }

    /// Adds a trip, byte for byte.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn push(&mut self, trip: &RawValue) -> io::Result<()> {
        self.trips.push(trip)
    }

    /// Adds a trip that is no JSON, byte for byte.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn push_non_finite(&mut self, trip: &NonFiniteTrip<'_>) -> io::Result<()> {
        self.trips.push_text(trip.text)
    }

    /// How many trips have been added.
    pub fn trips(&self) -> u64 {
        self.trips.elements()
    }

    /// Ends the archive and returns the writer.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn finish(self) -> io::Result<W> {
        let mut out = self.trips.finish()?;
        out.write_all(b"}}")?;
        out.flush()?;
        Ok(out)
    }
}
