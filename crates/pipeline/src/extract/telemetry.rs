//! 2.0: archives the points of the hour's trips, from `/telemetry`, next to the trips.
//!
//! A point goes from the response into the encrypted object, so that memory does not grow with the
//! points and none of them is on a disk in the clear.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mds_client::{HourResponse, MdsClient, TripSink};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};
use trips::block::{BlockObject, Hour};
use trips::envelope::ArchiveWriter;
use trips::json::object_in;
use trips::trip::{id, provider_of};
use uuid::Uuid;
use vault::{ObjectWriter, Seal};

use super::referenced_ids::ReferencedIds;
use crate::error::{ErrorName, PipelineError};
use crate::fenced::FencedWriter;
use crate::step::ClaimedStep;

/// Telemetry is requested for this long before the block.
const MAX_LOOKBACK: TimeDelta = TimeDelta::hours(24);
/// How often the archive is begun. It is begun again if a response breaks off, because it has a
/// part of that hour's points by then.
const MAX_PASSES: u32 = 3;

type PointArchive = ArchiveWriter<ObjectWriter>;

/// What the archive of the telemetry holds.
#[derive(Debug, Default, Serialize)]
pub(super) struct TelemetryReport {
    /// The archive's key.
    key: String,
    /// Number of hours requested.
    hours: u64,
    /// Number of hours that the provider did not have.
    hours_missing: u64,
    /// Number of points of the block's trips.
    points: u64,
}

/// Archives the points of the trips, from the hour in which the first trip began to the block's own
/// hour. At `deadline` nothing is archived.
pub(super) async fn archive(
    step: &ClaimedStep<'_>,
    client: &MdsClient,
    referenced: &ReferencedIds,
    deadline: Instant,
) -> Result<TelemetryReport, PipelineError> {
    let pass = Pass {
        step,
        client,
        trips: Arc::new(referenced.trips.clone()),
        earliest: referenced.earliest,
        now: Utc::now(),
    };
    let archived = timeout_at(deadline, async {
        for _ in 1..MAX_PASSES {
            match pass.run().await {
                Err(PassError::BrokenOff) => {}
                Err(PassError::Final(error)) => return Err(error),
                Ok(report) => return Ok(report),
            }
        }
        pass.run().await.map_err(PassError::into_error)
    });
    archived.await.unwrap_or_else(|_| {
        Err(PipelineError::new(
            ErrorName::ProviderUnavailable,
            "the time for telemetry was up, so none is archived",
        ))
    })
}

/// One pass over the hours, into a new object.
struct Pass<'a> {
    step: &'a ClaimedStep<'a>,
    client: &'a MdsClient,
    trips: Arc<HashSet<Uuid>>,
    earliest: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

enum PassError {
    /// A response broke off after its first points.
    BrokenOff,
    Final(PipelineError),
}

impl PassError {
    fn into_error(self) -> PipelineError {
        match self {
            Self::Final(error) => error,
            Self::BrokenOff => PipelineError::new(
                ErrorName::ProviderUnavailable,
                format!("responses with telemetry broke off {MAX_PASSES} times"),
            ),
        }
    }
}

impl From<PipelineError> for PassError {
    fn from(error: PipelineError) -> Self {
        Self::Final(error)
    }
}

impl Pass<'_> {
    async fn run(&self) -> Result<TelemetryReport, PassError> {
        let key = self.step.key(BlockObject::Telemetry);
        let vault = self.step.ctx.vault();
        let version = self.client.config().version.body_number();
        let object = vault.create(&key, Seal::Encrypt);
        let mut archive = ArchiveWriter::of_list(object, &version, "telemetry")
            .map_err(|e| PipelineError::from_io(&key, &e))?;
        let mut report = TelemetryReport::default();
        for hour in hours(self.step.block.hour, self.earliest) {
            report.hours += 1;
            let (after, is_missing) = self.add_hour(hour, archive).await?;
            archive = after;
            report.hours_missing += u64::from(is_missing);
        }
        report.points = archive.trips();
        let object = spawn_blocking(move || archive.finish())
            .await
            .map_err(|_| PipelineError::panicked("archiving telemetry"))?
            .map_err(|e| PipelineError::from_io(&key, &e))?;
        let fenced = FencedWriter::new(vault, &self.step.claim);
        fenced.finish(object).await?;
        report.key = key;
        Ok(report)
    }

    /// Requests an hour and returns the archive with its points, and whether the provider did not
    /// have the hour.
    async fn add_hour(
        &self,
        hour: Hour,
        archive: PointArchive,
    ) -> Result<(PointArchive, bool), PassError> {
        let mut archive = Some(archive);
        let mut has_begun = false;
        let make_sink = || {
            has_begun |= archive.is_none();
            Points {
                provider: self.client.config().provider_id,
                trips: Arc::clone(&self.trips),
                archive: archive.take(),
            }
        };
        let fetched = self.client.fetch_telemetry(hour, self.now, make_sink).await;
        let (sink, is_missing) = match fetched {
            Ok(HourResponse::Ready { sink, .. }) => (sink.archive, false),
            Ok(HourResponse::NotOperating { sink, .. }) => (sink.archive, true),
            Ok(HourResponse::NotYet { .. }) => (archive, true),
            Err(_) if has_begun => return Err(PassError::BrokenOff),
            Err(error) => return Err(PassError::Final(error.into())),
        };
        Ok((sink.ok_or(PassError::BrokenOff)?, is_missing))
    }
}

fn hours(last: Hour, earliest: Option<DateTime<Utc>>) -> impl Iterator<Item = Hour> + use<> {
    let bound = last.start() - MAX_LOOKBACK;
    let earliest = earliest.unwrap_or(last.start());
    let mut next = Hour::containing(earliest.clamp(bound, last.start()));
    std::iter::from_fn(move || {
        let hour = next;
        next = Hour::containing(hour.end());
        (hour <= last).then_some(hour)
    })
}

/// Writes the points of the block's trips into the archive.
struct Points {
    provider: Uuid,
    trips: Arc<HashSet<Uuid>>,
    /// `None` if the archive went into an earlier response that broke off.
    archive: Option<PointArchive>,
}

impl Points {
    fn archive(&mut self) -> io::Result<&mut PointArchive> {
        self.archive
            .as_mut()
            .ok_or_else(|| io::Error::other("the archive has points of a response that broke off"))
    }

    fn is_of_block(&self, raw: &RawValue) -> bool {
        #[derive(Deserialize)]
        struct Point<'a> {
            #[serde(borrow)]
            provider_id: Option<&'a RawValue>,
            #[serde(borrow)]
            trip_ids: Option<Vec<&'a RawValue>>,
        }
        let Ok(point) = object_in::<Point<'_>>(raw.get()) else {
            return false;
        };
        let provider = provider_of(point.provider_id, self.provider);
        let ids = point.trip_ids.into_iter().flatten();
        ids.filter_map(|raw| id(raw, provider))
            .any(|id| self.trips.contains(&id.uuid))
    }
}

impl TripSink for Points {
    fn begin(&mut self, _version: &str) -> io::Result<()> {
        self.archive().map(drop)
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        if self.is_of_block(raw) {
            self.archive()?.push(raw)?;
        }
        Ok(())
    }
}
