//! 2.0: archives the points of the hour's trips, from `/telemetry`, next to the trips.

use std::collections::HashSet;
use std::io::{self, BufRead as _, BufReader, Seek as _, Write as _};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mds_client::{HourResponse, MdsClient, TripSink};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tempfile::SpooledTempFile;
use tokio::task::spawn_blocking;
use trips::block::{Block, BlockObject, Hour};
use trips::envelope::ArchiveWriter;
use uuid::Uuid;
use vault::{ObjectWriter, Seal};

use super::referenced_ids::ReferencedIds;
use crate::context::Context;
use crate::error::PipelineError;

/// Telemetry is requested for this long before the block.
const MAX_LOOKBACK: TimeDelta = TimeDelta::hours(24);
/// How many bytes of an hour's points stay in memory; the rest goes to a temporary file.
const SPOOL_MEMORY: usize = 8 << 20;

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
/// hour.
pub(super) async fn archive(
    ctx: &Context,
    block: &Block,
    client: &MdsClient,
    referenced: &ReferencedIds,
    now: DateTime<Utc>,
) -> Result<TelemetryReport, PipelineError> {
    let key = ctx.key(block, BlockObject::Telemetry);
    let trips = Arc::new(referenced.trips.clone());
    let version = client.config().version.body_number();
    let object = ctx.vault().create(&key, Seal::Encrypt);
    let mut archive = ArchiveWriter::of_list(object, &version, "telemetry")
        .map_err(|e| PipelineError::from_io(&key, &e))?;
    let mut report = TelemetryReport {
        key: key.clone(),
        ..TelemetryReport::default()
    };
    for hour in hours(block.hour, referenced) {
        report.hours += 1;
        let trips = Arc::clone(&trips);
        let make_sink = move || Points::of(Arc::clone(&trips));
        match client.fetch_telemetry(hour, now, make_sink).await? {
            HourResponse::Ready { sink, .. } => {
                archive = append(&key, archive, sink).await?;
            }
            HourResponse::NotYet { .. } | HourResponse::NotOperating { .. } => {
                report.hours_missing += 1;
            }
        }
    }
    report.points = archive.trips();
    let object = spawn_blocking(move || archive.finish())
        .await
        .map_err(|_| PipelineError::panicked("archiving telemetry"))?
        .map_err(|e| PipelineError::from_io(&key, &e))?;
    object.finish().await?;
    Ok(report)
}

fn hours(last: Hour, referenced: &ReferencedIds) -> impl Iterator<Item = Hour> + use<> {
    let bound = last.start() - MAX_LOOKBACK;
    let earliest = referenced.earliest.unwrap_or(last.start());
    let mut next = Hour::containing(earliest.clamp(bound, last.start()));
    std::iter::from_fn(move || {
        let hour = next;
        next = Hour::containing(hour.end());
        (hour <= last).then_some(hour)
    })
}

async fn append(
    key: &str,
    mut archive: ArchiveWriter<ObjectWriter>,
    points: Points,
) -> Result<ArchiveWriter<ObjectWriter>, PipelineError> {
    spawn_blocking(move || {
        let mut spool = points.spool;
        spool.rewind()?;
        for line in BufReader::new(spool).lines() {
            archive.push(serde_json::from_str(&line?)?)?;
        }
        Ok(archive)
    })
    .await
    .map_err(|_| PipelineError::panicked("archiving telemetry"))?
    .map_err(|e: io::Error| PipelineError::from_io(key, &e))
}

/// The points of the block's trips in one hour, one per line.
struct Points {
    trips: Arc<HashSet<Uuid>>,
    spool: SpooledTempFile,
}

impl Points {
    fn of(trips: Arc<HashSet<Uuid>>) -> Self {
        Self {
            trips,
            spool: SpooledTempFile::new(SPOOL_MEMORY),
        }
    }
}

impl TripSink for Points {
    fn begin(&mut self, _version: &str) -> io::Result<()> {
        Ok(())
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        #[derive(Deserialize)]
        struct Point {
            trip_ids: Option<Vec<Uuid>>,
        }
        let point = serde_json::from_str::<Point>(raw.get());
        let ids = point.ok().and_then(|point| point.trip_ids);
        if ids.is_some_and(|ids| ids.iter().any(|id| self.trips.contains(id))) {
            // A line feed in JSON stands only between members, so it can go.
            for part in raw.get().lines() {
                self.spool.write_all(part.as_bytes())?;
            }
            self.spool.write_all(b"\n")?;
        }
        Ok(())
    }
}
