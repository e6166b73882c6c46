//! An archive's trips on their way to the table: parsed, checked, classified and encoded on a thread of their own,
//! while the caller sends what comes out to Postgres.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

use boundaries::{Boundaries, Labels};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use store::{CopyEncoder, LoadRow, PointLabels};
use tokio::sync::mpsc;
use trips::block::Hour;
use trips::envelope::{EnvelopeError, TripVisitor, read_envelope};
use trips::ids::PublicIdKey;
use trips::trip::{Reject, Rules};
use vault::ObjectWriter;

/// What a trip is checked against and classified with.
pub(crate) struct Intake {
    pub(crate) hour: Hour,
    pub(crate) now: DateTime<Utc>,
    pub(crate) swap_coordinates: bool,
    pub(crate) seconds_expected: bool,
    pub(crate) boundaries: Arc<Boundaries>,
    pub(crate) ids: PublicIdKey,
}

/// What an archive held.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Trips in the archive.
    pub(crate) fetched: u64,
    /// Trips refused.
    pub(crate) rejected: u64,
    /// How often each reason was given; a trip can have several.
    pub(crate) reasons: BTreeMap<String, u64>,
    /// The MDS version that the archive says it is.
    pub(crate) version: Option<String>,
}

impl Intake {
    /// Reads the archive to its end. Rows go to `rows` in pieces of binary COPY, refused trips to `rejects`.
    ///
    /// # Errors
    /// [`EnvelopeError`]: of the archive itself, or of a receiver that is gone.
    pub(crate) fn run(
        &self,
        archive: impl Read,
        rows: mpsc::Sender<Bytes>,
        rejects: ObjectWriter,
    ) -> Result<(Tally, ObjectWriter), EnvelopeError> {
        let mut visitor = Visitor {
            intake: self,
            rules: Rules {
                hour: self.hour,
                now: self.now,
                swap_coordinates: self.swap_coordinates,
                seconds_expected: self.seconds_expected,
                area: Some(self.boundaries.as_ref()),
            },
            encoder: CopyEncoder::new(),
            rows,
            rejects: RejectsWriter::new(rejects),
            tally: Tally::default(),
        };
        let summary = read_envelope(archive, &mut visitor)?;
        visitor.send().map_err(EnvelopeError::Sink)?;
        let rejects = visitor.rejects.finish().map_err(EnvelopeError::Sink)?;
        visitor.tally.version = summary.version;
        Ok((visitor.tally, rejects))
    }
}

struct Visitor<'a> {
    intake: &'a Intake,
    rules: Rules<'a>,
    encoder: CopyEncoder,
    rows: mpsc::Sender<Bytes>,
    rejects: RejectsWriter,
    tally: Tally,
}

impl TripVisitor for Visitor<'_> {
    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        let seq = self.tally.fetched;
        self.tally.fetched += 1;
        let trip = match self.rules.check(raw.get()) {
            Ok(trip) => trip,
            Err(reject) => return self.refuse(&reject, raw),
        };
        let boundaries = &self.intake.boundaries;
        self.encoder
            .push(&LoadRow {
                seq,
                start: labels(boundaries.labels(trip.start)),
                end: labels(boundaries.labels(trip.end)),
                public_id: self.intake.ids.trip(trip.provider_id, trip.trip_id),
                device_public_id: self.intake.ids.device(trip.provider_id, trip.device_id),
                trip: &trip,
            })
            .map_err(io::Error::other)?;
        if self.encoder.is_full() {
            self.send()?;
        }
        Ok(())
    }
}

impl Visitor<'_> {
    fn refuse(&mut self, reject: &Reject, raw: &RawValue) -> io::Result<()> {
        self.tally.rejected += 1;
        for reason in &reject.reasons {
            *self.tally.reasons.entry(reason.to_string()).or_default() += 1;
        }
        self.rejects.push(reject, raw)
    }

    fn send(&mut self) -> io::Result<()> {
        self.rows
            .blocking_send(self.encoder.take())
            .map_err(|_| io::Error::other("the load was given up"))
    }
}

fn labels(labels: Labels<'_>) -> PointLabels<'_> {
    PointLabels {
        council_district: labels.council_district,
        census_geoid: labels.census_geoid,
        cell: labels.cell,
    }
}

/// `rejects.json`: each refused trip as it was sent, with the reasons.
struct RejectsWriter {
    object: ObjectWriter,
    separator: &'static [u8],
}

#[derive(Serialize)]
struct RejectedTrip<'a> {
    #[serde(flatten)]
    reject: &'a Reject,
    trip: &'a RawValue,
}

impl RejectsWriter {
    fn new(object: ObjectWriter) -> Self {
        Self {
            object,
            separator: b"[",
        }
    }

    fn push(&mut self, reject: &Reject, trip: &RawValue) -> io::Result<()> {
        self.object.write_all(self.separator)?;
        self.separator = b",\n";
        Ok(serde_json::to_writer(
            &mut self.object,
            &RejectedTrip { reject, trip },
        )?)
    }

    fn finish(mut self) -> io::Result<ObjectWriter> {
        if self.separator == b"[" {
            self.object.write_all(b"[")?;
        }
        self.object.write_all(b"]")?;
        Ok(self.object)
    }
}
