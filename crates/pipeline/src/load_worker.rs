//! The work of a load on an archive's trips: one thread reads and checks them, another one
//! classifies and encodes them, and the caller sends the result to Postgres.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use boundaries::Boundaries;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use mds_client::MdsVersion;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{CopyEncoder, LoadRow, Screen, Screened};
use tokio::sync::mpsc;
use trips::Feed;
use trips::block::Hour;
use trips::envelope::{EnvelopeError, EnvelopeSummary, NonFiniteTrip, TripVisitor, read_envelope};
use trips::ids::PublicIdKey;
use trips::json::ArrayWriter;
use trips::trip::{Reject, Rules, Trip};
use uuid::Uuid;
use vault::ObjectWriter;

use crate::extract::{Content, Survey};
use crate::hashing::Hashing;

/// Number of trips that go from thread to thread at a time.
const BATCH_TRIPS: usize = 128;
/// A batch of longer trips is sent before it has so many: their optional texts may be pictures.
const BATCH_BYTES: usize = 2 * 1024 * 1024;

/// What the trips of a block are checked and classified with.
pub(crate) struct LoadWorker {
    pub(crate) hour: Hour,
    pub(crate) now: DateTime<Utc>,
    pub(crate) provider_ids: Vec<Uuid>,
    pub(crate) feed: Feed,
    pub(crate) boundaries: Arc<Boundaries>,
    pub(crate) ids: PublicIdKey,
}

/// Counts of an archive's trips.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Number of trips in the archive.
    pub(crate) fetched: u64,
    /// Number of rejected trips.
    pub(crate) rejected: u64,
    /// Number of trips by reject reason; a trip can have several reasons.
    pub(crate) reasons: BTreeMap<String, u64>,
    /// The archive's MDS version.
    pub(crate) version: Option<String>,
}

/// What has become of an archive's trips.
pub(crate) struct Checked {
    pub(crate) tally: Tally,
    /// The rejected ones. The object is not visible yet.
    pub(crate) rejects: ObjectWriter,
    /// What a survey has seen.
    pub(crate) content: Option<Content>,
}

/// Trips on their way from the thread that checks them to the one that encodes them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Valid trips, each with its position in the archive.
    trips: Vec<(u64, Trip)>,
    /// The ids under which rejected trips may have rows from earlier loads.
    rejected: Vec<Uuid>,
    /// Bytes of the valid trips' JSON.
    bytes: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.trips.len() + self.rejected.len() >= BATCH_TRIPS || self.bytes >= BATCH_BYTES
    }
}

impl LoadWorker {
    /// Reads the archive to its end and checks its trips. Sends valid trips to `batches` and writes
    /// rejected ones to `rejects`. A `survey` sees each of them, so that the archive is read once.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`] if the archive cannot be read, `rejects` cannot be written, or the
    /// receiver is gone.
    pub(crate) fn check(
        &self,
        archive: impl Read,
        batches: mpsc::Sender<Batch>,
        rejects: ObjectWriter,
        survey: Option<Survey>,
    ) -> Result<Checked, EnvelopeError> {
        let mut checker = Checker {
            rules: Rules {
                hour: self.hour,
                now: self.now,
                provider_ids: &self.provider_ids,
                feed: self.feed,
                area: Some(self.boundaries.as_ref()),
            },
            batch: Batch::default(),
            batches,
            rejects: ArrayWriter::new(rejects).map_err(EnvelopeError::Sink)?,
            tally: Tally::default(),
            survey,
        };
        let (summary, content) = checker.read(archive)?;
        checker.send().map_err(EnvelopeError::Sink)?;
        let rejects = checker.rejects.finish().map_err(EnvelopeError::Sink)?;
        checker.tally.version = summary.version;
        Ok(Checked {
            tally: checker.tally,
            rejects,
            content,
        })
    }

    /// Classifies the trips of all batches and sends them to `rows` as pieces of binary COPY.
    /// Returns what it has seen of them.
    ///
    /// # Errors
    ///
    /// A value has no wire form, or the receiver is gone.
    pub(crate) fn encode(
        &self,
        mut batches: mpsc::Receiver<Batch>,
        rows: &mpsc::Sender<Bytes>,
    ) -> io::Result<Screened> {
        let (mut encoder, mut screen) = (CopyEncoder::new(), Screen::default());
        while let Some(batch) = batches.blocking_recv() {
            for (seq, trip) in &batch.trips {
                let row = self.row(*seq, trip);
                encoder.push(&row).map_err(io::Error::other)?;
                screen.add(&row);
            }
            for trip_id in batch.rejected {
                encoder.push_rejected(trip_id).map_err(io::Error::other)?;
            }
            if encoder.is_full() {
                rows.blocking_send(encoder.take())
                    .map_err(|_| load_ended())?;
            }
        }
        rows.blocking_send(encoder.take())
            .map_err(|_| load_ended())?;
        Ok(screen.finish())
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
    survey: Option<Survey>,
}

impl TripVisitor for Checker<'_> {
    /// The entry may have moved on to another version since the archive was written.
    fn version(&mut self, version: &str) {
        if let Ok(version) = version.parse::<MdsVersion>() {
            self.rules.feed.seconds_expected = version.has_seconds();
        }
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        self.show(raw.get());
        match self.rules.check(raw.get()) {
            Ok(trip) => self.accept(trip, raw.get().len()),
            Err(reject) => self.reject(&reject, raw),
        }
    }

    fn non_finite_trip(&mut self, trip: &NonFiniteTrip<'_>) -> io::Result<()> {
        self.show(trip.with_nulls.get());
        // Its text is no JSON, so it becomes a JSON text.
        let text = serde_json::value::to_raw_value(trip.text)?;
        let reject = self.rules.reject_non_finite(trip);
        self.reject(&reject, &text)
    }

    fn trip_ahead(&mut self, text: &[u8]) -> io::Result<Option<usize>> {
        let Some((trip, text)) = self.rules.check_ahead(text) else {
            return Ok(None);
        };
        self.show(text);
        self.accept(trip, text.len())?;
        Ok(Some(text.len()))
    }
}

impl Checker<'_> {
    /// Reads the archive to its end. Only a survey needs its hash.
    fn read(
        &mut self,
        archive: impl Read,
    ) -> Result<(EnvelopeSummary, Option<Content>), EnvelopeError> {
        if self.survey.is_none() {
            return Ok((read_envelope(archive, self)?, None));
        }
        let mut archive = Hashing::new(archive);
        let summary = read_envelope(&mut archive, self)?;
        let survey = self.survey.take();
        let content = survey.map(|it| it.finish(archive)).transpose()?;
        Ok((summary, content))
    }

    fn show(&mut self, trip: &str) {
        if let Some(survey) = &mut self.survey {
            survey.push(trip);
        }
    }

    fn accept(&mut self, trip: Trip, length: usize) -> io::Result<()> {
        self.batch.bytes += length;
        self.batch.trips.push((self.tally.fetched, trip));
        self.tally.fetched += 1;
        self.send_if_full()
    }

    fn reject(&mut self, reject: &Reject, raw: &RawValue) -> io::Result<()> {
        self.tally.fetched += 1;
        self.tally.rejected += 1;
        for reason in &reject.reasons {
            *self.tally.reasons.entry(reason.to_string()).or_default() += 1;
        }
        self.rejects.push(&RejectedTrip { reject, trip: raw })?;
        self.batch.rejected.extend(&reject.row_ids);
        self.send_if_full()
    }

    fn send_if_full(&mut self) -> io::Result<()> {
        if self.batch.is_full() {
            self.send()?;
        }
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.batches.blocking_send(batch).map_err(|_| load_ended())
    }
}

fn load_ended() -> io::Error {
    io::Error::other("the load has ended early")
}

/// An element of `rejects.json`: a rejected trip as it was sent, with the reasons.
#[derive(Serialize)]
struct RejectedTrip<'a> {
    #[serde(flatten)]
    reject: &'a Reject,
    trip: &'a RawValue,
}
