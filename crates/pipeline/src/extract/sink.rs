//! Where a response's trips go while they arrive: into the archive, and past its observers.

use std::io::{self, Write};

use mds_client::TripSink;
use serde_json::value::RawValue;
use trips::envelope::{ArchiveWriter, NonFiniteTrip};

use super::delivered::Collector;
use super::previous_archive::Fingerprints;
use super::referenced_ids::ReferencedIds;

/// What is collected from the trips on their way into the archive.
#[derive(Debug, Clone, Default)]
pub(super) struct Observers {
    /// Their fingerprints, to compare with those of the previous archive.
    pub(super) fingerprints: Option<Fingerprints>,
    /// Which of them can be loaded, to find the loaded trips that would be lost.
    pub(super) delivered: Option<Collector>,
    /// The ids of their devices and their own, for 2.0.
    pub(super) referenced: Option<ReferencedIds>,
}

impl Observers {
    fn push(&mut self, raw: &RawValue) {
        let fingerprint = self.fingerprints.as_mut().map(|it| it.push(raw));
        if let Some(delivered) = &mut self.delivered {
            delivered.push(raw, fingerprint);
        }
        self.note_ids(raw);
    }

    fn push_non_finite(&mut self, trip: &NonFiniteTrip<'_>) {
        let fingerprint = self
            .fingerprints
            .as_mut()
            .map(|it| it.push(trip.with_nulls));
        if let Some(delivered) = &mut self.delivered {
            delivered.push_non_finite(trip, fingerprint);
        }
        self.note_ids(trip.with_nulls);
    }

    fn note_ids(&mut self, raw: &RawValue) {
        if let Some(referenced) = &mut self.referenced {
            referenced.push(raw.get());
        }
    }
}

/// Writes a response's trips in the archive's form. The object is created on `begin`, so a refused
/// request creates none.
pub(super) struct ArchiveSink<W: Write> {
    state: SinkState<W>,
    observers: Observers,
}

enum SinkState<W: Write> {
    Waiting(Box<dyn FnOnce() -> io::Result<W> + Send>),
    Open(ArchiveWriter<W>),
    Failed,
}

impl<W: Write> ArchiveSink<W> {
    pub(super) fn new(
        observers: Observers,
        create: impl FnOnce() -> io::Result<W> + Send + 'static,
    ) -> Self {
        Self {
            state: SinkState::Waiting(Box::new(create)),
            observers,
        }
    }

    /// Takes out what the observers collected.
    pub(super) fn take_observers(&mut self) -> Observers {
        std::mem::take(&mut self.observers)
    }

    pub(super) fn finish(self) -> io::Result<W> {
        match self.state {
            SinkState::Open(archive) => archive.finish(),
            SinkState::Waiting(_) | SinkState::Failed => Err(not_begun()),
        }
    }
}

impl<W: Write + Send + 'static> TripSink for ArchiveSink<W> {
    fn begin(&mut self, version: &str) -> io::Result<()> {
        let state = std::mem::replace(&mut self.state, SinkState::Failed);
        let SinkState::Waiting(create) = state else {
            return Err(io::Error::other("the archive was begun twice"));
        };
        self.state = SinkState::Open(ArchiveWriter::new(create()?, version)?);
        Ok(())
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        self.observers.push(raw);
        match &mut self.state {
            SinkState::Open(archive) => archive.push(raw),
            SinkState::Waiting(_) | SinkState::Failed => Err(not_begun()),
        }
    }

    fn non_finite_trip(&mut self, trip: &NonFiniteTrip<'_>) -> io::Result<()> {
        self.observers.push_non_finite(trip);
        match &mut self.state {
            SinkState::Open(archive) => archive.push_non_finite(trip),
            SinkState::Waiting(_) | SinkState::Failed => Err(not_begun()),
        }
    }
}

fn not_begun() -> io::Error {
    io::Error::other("the archive was not begun")
}
