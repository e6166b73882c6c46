//! The archive of an hour, from the request to the objects in the bucket.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use mds_client::{HourReport, MdsClient};
use store::Claim;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use trips::Changes;
use trips::block::{Block, BlockObject};
use vault::{ObjectWriter, Seal};

use super::previous_archive::{Fingerprints, PreviousArchive};
use super::pull::pull;
use super::referenced_ids::ReferencedIds;
use super::report::{ExtractReport, SideData};
use super::sink::{ArchiveSink, Observers};
use super::{telemetry, vehicles};
use crate::context::Context;
use crate::error::PipelineError;
use crate::step::ClaimedStep;

/// An hour whose archive is in the bucket.
pub(super) struct ArchivedHour {
    pub(super) trips_key: String,
    pub(super) report: HourReport,
    /// What differs from the previous archive; `None` if there is none that can be read.
    pub(super) changes: Option<Changes>,
    /// 0 if the previous archive was kept.
    pub(super) payload_bytes: u64,
}

impl ArchivedHour {
    /// Whether the provider returned the same trips as before, which may be loaded already.
    pub(super) fn is_unchanged(&self) -> bool {
        self.changes.is_some_and(Changes::are_none) && self.report.trips > 0
    }

    /// The message of the block's row in the schedule.
    pub(super) fn message(&self) -> String {
        let report = &self.report;
        let mut text = format!("HTTP {} with {} trips", report.http_status, report.trips);
        if report.trips_outside_window > 0 {
            let _ = write!(text, ", {} of other hours", report.trips_outside_window);
        }
        if let Some(Changes { new, changed, gone }) = self.changes {
            let _ = write!(
                text,
                "; {new} new, {changed} changed, {gone} gone since the answer before"
            );
        }
        text
    }
}

/// Pulls the block's hour and archives it, unless the archive has the same trips already.
pub(super) async fn archive_hour(
    step: &mut ClaimedStep<'_>,
) -> Result<ArchivedHour, PipelineError> {
    let mut hour = OpenHour::start(step).await?;
    hour.refresh_vehicles().await;
    let mut previous =
        PreviousArchive::find(hour.ctx, hour.claim, &hour.trips_key, hour.now).await?;
    let fingerprints = previous.as_mut().and_then(|it| it.fingerprints.take());
    let pulled = hour.pull(fingerprints).await?;
    hour.look_up_vehicles(&pulled.referenced).await;
    if pulled.changes.is_some_and(Changes::are_none) {
        pulled.archive.abort().await;
        return Ok(ArchivedHour {
            trips_key: hour.trips_key,
            report: pulled.report,
            changes: pulled.changes,
            payload_bytes: 0,
        });
    }
    hour.archive_telemetry(&pulled.referenced).await;
    hour.publish_archive(previous, pulled).await
}

/// An hour whose archive is being made.
struct OpenHour<'a> {
    ctx: &'a Context,
    claim: &'a mut Claim,
    block: &'a Block,
    client: MdsClient,
    has_vehicles: bool,
    has_telemetry: bool,
    trips_key: String,
    /// The step's only look at the clock.
    now: DateTime<Utc>,
    side_data: SideData,
}

/// A response that is written to the bucket, where its archive is not visible yet.
struct Pulled {
    archive: ObjectWriter,
    report: HourReport,
    changes: Option<Changes>,
    referenced: ReferencedIds,
}

impl<'a> OpenHour<'a> {
    async fn start(step: &'a mut ClaimedStep<'_>) -> Result<Self, PipelineError> {
        let provider = step.ctx.provider(&step.block.provider)?;
        Ok(Self {
            client: step
                .ctx
                .provider_client(provider)
                .await?
                .until(Instant::now() + step.time_left()),
            has_vehicles: provider.has_vehicles(),
            has_telemetry: provider.has_telemetry(),
            trips_key: step.key(BlockObject::Trips),
            ctx: step.ctx,
            claim: &mut step.claim,
            block: &step.block,
            now: Utc::now(),
            side_data: SideData::default(),
        })
    }

    async fn refresh_vehicles(&mut self) {
        if self.has_vehicles {
            let refreshed = vehicles::refresh(self.claim, &self.client, self.now).await;
            self.side_data.note(refreshed);
        }
    }

    /// Pulls the trips into a new archive and compares them with those of the previous one.
    async fn pull(&self, previous: Option<Fingerprints>) -> Result<Pulled, PipelineError> {
        let (vault, key) = (self.ctx.vault().clone(), self.trips_key.clone());
        let observers = Observers {
            fingerprints: previous.is_some().then(Fingerprints::default),
            referenced: (self.has_vehicles || self.has_telemetry).then(ReferencedIds::default),
        };
        let make_sink = move || {
            ArchiveSink::new(observers.clone(), {
                let (vault, key) = (vault.clone(), key.clone());
                move || Ok(vault.create(&key, Seal::Encrypt))
            })
        };
        let (mut sink, report) = pull(&self.client, self.block, self.now, make_sink).await?;
        let observers = sink.take_observers();
        Ok(Pulled {
            archive: finish(sink, &self.trips_key).await?,
            report,
            changes: previous
                .zip(observers.fingerprints)
                .map(|(before, after)| before.compare(after)),
            referenced: observers.referenced.unwrap_or_default(),
        })
    }

    async fn look_up_vehicles(&mut self, referenced: &ReferencedIds) {
        if self.has_vehicles {
            let found = vehicles::look_up(self.claim, &self.client, referenced, self.now).await;
            self.side_data.note(found);
        }
    }

    async fn archive_telemetry(&mut self, referenced: &ReferencedIds) {
        if self.has_telemetry {
            let (ctx, block) = (self.ctx, self.block);
            let archived = telemetry::archive(ctx, block, &self.client, referenced, self.now).await;
            self.side_data.telemetry = self.side_data.note(archived);
        }
    }

    /// Makes the new archive visible, after a copy of the previous one, and describes it in
    /// `extract.json`.
    async fn publish_archive(
        self,
        previous: Option<PreviousArchive>,
        pulled: Pulled,
    ) -> Result<ArchivedHour, PipelineError> {
        if let Some(previous) = &previous {
            previous
                .back_up(self.ctx, self.claim, &self.trips_key)
                .await?;
        }
        let object = pulled.archive.finish().await?;
        let report = ExtractReport {
            provider: self.block.provider.as_str(),
            block_start: self.block.hour.start(),
            block_end: self.block.hour.end(),
            trips_key: &self.trips_key,
            sha256: &object.sha256,
            payload_bytes: object.bytes,
            backup_key: previous.as_ref().map(PreviousArchive::backup_key),
            changes: pulled.changes,
            side_data: self.side_data,
            response: &pulled.report,
        };
        let report_key = self.ctx.key(self.block, BlockObject::Extract);
        self.ctx
            .vault()
            .put_json(&report_key, &report, Seal::Encrypt)
            .await?;
        Ok(ArchivedHour {
            trips_key: self.trips_key,
            report: pulled.report,
            changes: pulled.changes,
            payload_bytes: object.bytes,
        })
    }
}

async fn finish(sink: ArchiveSink<ObjectWriter>, key: &str) -> Result<ObjectWriter, PipelineError> {
    spawn_blocking(move || sink.finish())
        .await
        .map_err(|_| PipelineError::panicked("writing the archive"))?
        .map_err(|e| PipelineError::from_io(key, &e))
}
