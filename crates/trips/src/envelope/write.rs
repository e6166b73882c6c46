//! Writing the archive of a block.

use std::io::{self, Write};

use serde_json::value::RawValue;

/// Writes `{"version": …, "data": {"trips": […]}}`, every trip as it was sent.
///
/// Nothing is buffered here. An archive that is dropped instead of finished lacks its end and does
/// not read as one.
#[derive(Debug)]
pub struct ArchiveWriter<W> {
    out: W,
    trips: u64,
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
        out.write_all(b":[")?;
        Ok(Self { out, trips: 0 })
    }

    /// Adds a trip, byte for byte.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn push(&mut self, trip: &RawValue) -> io::Result<()> {
        if self.trips > 0 {
            self.out.write_all(b",")?;
        }
        self.trips += 1;
        self.out.write_all(trip.get().as_bytes())
    }

    /// How many trips have been added.
    pub fn trips(&self) -> u64 {
        self.trips
    }

    /// Ends the archive and gives the writer back.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"]}}")?;
        self.out.flush()?;
        Ok(self.out)
    }
}
