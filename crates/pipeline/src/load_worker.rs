//! An archive's trips on their way to the table: read and checked on one thread, classified and
//! encoded on another, while the caller sends what comes out to Postgres.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use boundaries::Boundaries;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use store::{CopyEncoder, LoadRow};
use tokio::sync::mpsc;
use trips::Feed;
use trips::block::Hour;
use trips::envelope::{EnvelopeError, TripVisitor, read_envelope};
use trips::ids::PublicIdKey;
use trips::json::ArrayWriter;
use trips::trip::{Reject, Rules, Trip};
use vault::ObjectWriter;

/// Trips go from thread to thread so many at a time.
const BATCH_TRIPS: usize = 128;

/// What a trip is checked against and classified with.
pub(crate) struct LoadWorker {
    pub(crate) hour: Hour,
    pub(crate) now: DateTime<Utc>,
    pub(crate) feed: Feed,
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

/// Trips that passed, each with its place in the delivery.
pub(crate) type Batch = Vec<(u64, Trip)>;

impl LoadWorker {
    /// Reads the archive to its end and checks its trips. Those that pass go to `batches`, refused
    /// ones to `rejects`.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`]: of the archive itself, of `rejects`, or of a receiver that is gone.
    pub(crate) fn check(
        &self,
        archive: impl Read,
        batches: mpsc::Sender<Batch>,
        rejects: ObjectWriter,
    ) -> Result<(Tally, ObjectWriter), EnvelopeError> {
        let mut checker = Checker {
            rules: Rules {
                hour: self.hour,
                now: self.now,
                feed: self.feed,
                area: Some(self.boundaries.as_ref()),
            },
            batch: Batch::new(),
            batches,
            rejects: ArrayWriter::new(rejects).map_err(EnvelopeError::Sink)?,
            tally: Tally::default(),
        };
        let summary = read_envelope(archive, &mut checker)?;
        checker.send().map_err(EnvelopeError::Sink)?;
        let rejects = checker.rejects.finish().map_err(EnvelopeError::Sink)?;
        checker.tally.version = summary.version;
        Ok((checker.tally, rejects))
    }

    /// Classifies the trips and sends them to `rows` in pieces of binary COPY, until there are no
    /// more.
    ///
    /// # Errors
    ///
    /// A value that has no wire form, or a receiver that is gone.
    pub(crate) fn encode(
        &self,
        mut batches: mpsc::Receiver<Batch>,
        rows: &mpsc::Sender<Bytes>,
    ) -> io::Result<()> {
        let mut encoder = CopyEncoder::new();
        while let Some(batch) = batches.blocking_recv() {
            for (seq, trip) in &batch {
                encoder
                    .push(&self.row(*seq, trip))
                    .map_err(io::Error::other)?;
                if encoder.is_full() {
                    rows.blocking_send(encoder.take()).map_err(|_| given_up())?;
                }
            }
        }
        rows.blocking_send(encoder.take()).map_err(|_| given_up())
    }

    fn row<'a>(&'a self, seq: u64, trip: &'a Trip) -> LoadRow<'a> {
        LoadRow {
            seq,
            start: self.boundaries.labels(trip.start),
            end: self.boundaries.labels(trip.end),
            public_id: self.ids.trip(trip.provider_id, trip.trip_id),
            device_public_id: self.ids.device(trip.provider_id, trip.device_id),
            trip,
        }
    }
}

struct Checker<'a> {
    rules: Rules<'a>,
    batch: Batch,
    batches: mpsc::Sender<Batch>,
    rejects: ArrayWriter<ObjectWriter>,
    tally: Tally,
}

impl TripVisitor for Checker<'_> {
    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        match self.rules.check(raw.get()) {
            Ok(trip) => self.pass(trip),
            Err(reject) => self.refuse(&reject, raw),
        }
    }

    fn trip_ahead(&mut self, text: &[u8]) -> io::Result<Option<usize>> {
        let Some((trip, length)) = self.rules.check_ahead(text) else {
            return Ok(None);
        };
        self.pass(trip)?;
        Ok(Some(length))
    }
}

impl Checker<'_> {
    fn pass(&mut self, trip: Trip) -> io::Result<()> {
        self.batch.push((self.tally.fetched, trip));
        self.tally.fetched += 1;
        if self.batch.len() == BATCH_TRIPS {
            self.send()?;
        }
        Ok(())
    }

    fn refuse(&mut self, reject: &Reject, raw: &RawValue) -> io::Result<()> {
        self.tally.fetched += 1;
        self.tally.rejected += 1;
        for reason in &reject.reasons {
            *self.tally.reasons.entry(reason.to_string()).or_default() += 1;
        }
        self.rejects.push(&RejectedTrip { reject, trip: raw })
    }

    fn send(&mut self) -> io::Result<()> {
        let batch = std::mem::replace(&mut self.batch, Batch::with_capacity(BATCH_TRIPS));
        self.batches.blocking_send(batch).map_err(|_| given_up())
    }
}

fn given_up() -> io::Error {
    io::Error::other("the load was given up")
}

/// An element of `rejects.json`: a rejected trip as it was sent, with the reasons.
#[derive(Serialize)]
struct RejectedTrip<'a> {
    #[serde(flatten)]
    reject: &'a Reject,
    trip: &'a RawValue,
}
