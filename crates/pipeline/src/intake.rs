//! An archive's trips on their way to the table: taken out of the archive on one thread, checked, classified and encoded
//! on another, while the caller sends what comes out to Postgres.

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
use trips::envelope::{EnvelopeError, EnvelopeSummary, TripVisitor, read_envelope};
use trips::ids::PublicIdKey;
use trips::trip::{Reject, Rules};
use vault::ObjectWriter;

/// Trips go from thread to thread in batches of about this size.
const BATCH_BYTES: usize = 256 * 1024;

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
}

/// Trips as they were sent, some at a time.
pub(crate) type Batch = Vec<Box<RawValue>>;

/// Reads the archive to its end and passes its trips on, so that another thread can check them meanwhile.
///
/// # Errors
/// [`EnvelopeError`]: of the archive itself, or of a receiver that is gone.
pub(crate) fn read_trips(
    archive: impl Read,
    batches: mpsc::Sender<Batch>,
) -> Result<EnvelopeSummary, EnvelopeError> {
    let mut batcher = Batcher {
        batch: Batch::new(),
        bytes: 0,
        batches,
    };
    let summary = read_envelope(archive, &mut batcher)?;
    batcher.send().map_err(EnvelopeError::Sink)?;
    Ok(summary)
}

struct Batcher {
    batch: Batch,
    bytes: usize,
    batches: mpsc::Sender<Batch>,
}

impl Batcher {
    fn send(&mut self) -> io::Result<()> {
        self.bytes = 0;
        self.batches
            .blocking_send(std::mem::take(&mut self.batch))
            .map_err(|_| given_up())
    }
}

impl TripVisitor for Batcher {
    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        self.bytes += raw.get().len();
        self.batch.push(raw.to_owned());
        if self.bytes >= BATCH_BYTES {
            self.send()?;
        }
        Ok(())
    }
}

impl Intake {
    /// Takes the trips until there are no more. Rows go to `rows` in pieces of binary COPY, refused trips to `rejects`.
    ///
    /// # Errors
    /// Those of `rejects`, or of a receiver that is gone.
    pub(crate) fn run(
        &self,
        mut batches: mpsc::Receiver<Batch>,
        rows: mpsc::Sender<Bytes>,
        rejects: ObjectWriter,
    ) -> io::Result<(Tally, ObjectWriter)> {
        let mut checker = Checker {
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
        while let Some(batch) = batches.blocking_recv() {
            batch.iter().try_for_each(|raw| checker.trip(raw))?;
        }
        checker.send()?;
        Ok((checker.tally, checker.rejects.finish()?))
    }
}

struct Checker<'a> {
    intake: &'a Intake,
    rules: Rules<'a>,
    encoder: CopyEncoder,
    rows: mpsc::Sender<Bytes>,
    rejects: RejectsWriter,
    tally: Tally,
}

impl Checker<'_> {
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
            .map_err(|_| given_up())
    }
}

fn given_up() -> io::Error {
    io::Error::other("the load was given up")
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
