//! Where an answer's trips go while they come in: into the archive, and into the notes that are
//! made of them.

use std::io::{self, Write};

use mds_client::TripSink;
use serde_json::value::RawValue;
use trips::envelope::ArchiveWriter;

use super::previous_archive::Fingerprints;
use super::referenced_ids::ReferencedIds;

/// What is noted of the trips on their way.
#[derive(Debug, Clone, Default)]
pub(super) struct Observers {
    /// Their prints, to compare with those of a former answer.
    pub(super) prints: Option<Fingerprints>,
    /// The devices and trips that they name, for 2.0.
    pub(super) mentions: Option<ReferencedIds>,
}

impl Observers {
    fn take(&mut self, raw: &RawValue) {
        if let Some(prints) = &mut self.prints {
            prints.push(raw);
        }
        if let Some(mentions) = &mut self.mentions {
            mentions.push(raw);
        }
    }
}

/// Writes an answer's trips in the archive's form. The object is created with the first word of the
/// answer, so that a request that is refused creates none.
pub(super) struct ArchiveSink<W: Write> {
    state: SinkState<W>,
    notes: Observers,
}

enum SinkState<W: Write> {
    Waiting(Box<dyn FnOnce() -> io::Result<W> + Send>),
    Open(ArchiveWriter<W>),
    Failed,
}

impl<W: Write> ArchiveSink<W> {
    pub(super) fn new(
        notes: Observers,
        create: impl FnOnce() -> io::Result<W> + Send + 'static,
    ) -> Self {
        Self {
            state: SinkState::Waiting(Box::new(create)),
            notes,
        }
    }

    /// What was noted of the trips.
    pub(super) fn take_notes(&mut self) -> Observers {
        std::mem::take(&mut self.notes)
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
            return Err(io::Error::other("an archive is begun once"));
        };
        self.state = SinkState::Open(ArchiveWriter::new(create()?, version)?);
        Ok(())
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        self.notes.take(raw);
        match &mut self.state {
            SinkState::Open(archive) => archive.push(raw),
            SinkState::Waiting(_) | SinkState::Failed => Err(not_begun()),
        }
    }
}

fn not_begun() -> io::Error {
    io::Error::other("the archive was not begun")
}
