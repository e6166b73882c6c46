//! The archive of an hour, from the request to the objects in the bucket.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mds_client::{HourReport, MdsClient};
use store::Claim;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use trips::Changes;
use trips::block::{Block, BlockObject};
use vault::{ObjectWriter, Seal, WriteCondition};

use super::belief::{Kept, Loss, MAX_MISSING};
use super::delivered::{Collector, Delivered};
use super::previous_archive::{Fingerprints, PreviousArchive};
use super::pull::{PulledHour, pull};
use super::referenced_ids::ReferencedIds;
use super::report::{ExtractReport, Remarks};
use super::sink::{ArchiveSink, Observers};
use crate::context::Context;
use crate::error::PipelineError;
use crate::fenced::{FencedWriter, still};
use crate::hashing::sha256;
use crate::step::ClaimedStep;

/// An hour whose archive is in the bucket.
pub(super) struct ArchivedHour {
    pub(super) trips_key: String,
    pub(super) report: HourReport,
    /// What differs from the previous archive; `None` if there is none that can be loaded.
    pub(super) changes: Option<Changes>,
    /// 0 if the previous archive was kept.
    pub(super) payload_bytes: u64,
    /// Whether the archive has no trips and the block has no loaded one that would have to go.
    pub(super) nothing_to_load: bool,
    /// What 2.0 keeps more data of; `None` if none of it is requested.
    pub(super) referenced: Option<ReferencedIds>,
    /// SHA-256 of the previous archive's payload, if there is one that can be loaded.
    pub(super) former_sha256: Option<String>,
    /// When the provider was requested for that archive, if its report tells.
    pub(super) former_requested_at: Option<DateTime<Utc>>,
}

impl ArchivedHour {
    /// Whether the provider returned what the bucket had already.
    pub(super) fn is_kept(&self) -> bool {
        self.changes.is_some_and(Changes::are_none)
    }

    /// Whether the provider returned the same trips as before, which may be loaded already.
    pub(super) fn is_unchanged(&self) -> bool {
        self.is_kept() && self.report.trips > 0
    }

    /// What the response says of itself.
    pub(super) fn remarks(&self) -> Remarks {
        Remarks::from(&self.report)
    }

    /// The message of the block's row in the schedule.
    pub(super) fn message(&self) -> String {
        let mut text = self.remarks().text();
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
/// `has_archive` says whether the bucket may have an archive of the hour.
pub(super) async fn archive_hour(
    step: &mut ClaimedStep<'_>,
    has_archive: bool,
) -> Result<ArchivedHour, PipelineError> {
    let hour = OpenHour::start(step).await?;
    let mut previous = if has_archive {
        PreviousArchive::find(hour.ctx.vault(), &hour.trips_key, hour.block.hour).await?
    } else {
        None
    };
    let can_be_loaded = previous
        .as_ref()
        .is_some_and(PreviousArchive::can_be_loaded);
    let fingerprints = previous.as_mut().and_then(|it| it.fingerprints.take());
    let report_key = hour.ctx.key(hour.block, BlockObject::Extract);
    // What the report will replace is looked at while the provider works.
    let (pulled, report_now) = tokio::try_join!(
        hour.pull(fingerprints),
        still(hour.ctx.vault(), &report_key)
    )?;
    let mut pulled = hour.believe(pulled).await?;
    pulled.changes = pulled.changes.filter(|_| can_be_loaded);
    if pulled.changes.is_some_and(Changes::are_none) {
        pulled.archive.abort().await;
        return Ok(ArchivedHour {
            nothing_to_load: hour.has_nothing_to_load(&pulled.report).await?,
            trips_key: hour.trips_key,
            report: pulled.report,
            changes: pulled.changes,
            payload_bytes: 0,
            referenced: pulled.referenced,
            former_requested_at: previous.as_ref().and_then(|it| it.requested_at),
            former_sha256: previous.and_then(|it| it.sha256),
        });
    }
    hour.publish_archive(previous, pulled, report_now).await
}

/// How much later than the step its requests end. So the step's own end always comes first: then
/// the block keeps its status.
const AFTER_THE_STEP: Duration = Duration::from_secs(1);

/// The status that proves that an address is the provider's.
const OK: u16 = 200;

/// An hour whose archive is being made.
struct OpenHour<'a> {
    ctx: &'a Context,
    claim: &'a mut Claim,
    block: &'a Block,
    client: MdsClient,
    /// Whether ids are collected, since the provider keeps more data apart from the trips.
    has_side_data: bool,
    trips_key: String,
    now: DateTime<Utc>,
    /// Number of trips that the block has loaded.
    loaded: u64,
    /// Whether the archive may be the only copy of some trips: it is not loaded, or not whole.
    has_trips_only_in_archive: bool,
    /// Whether to believe a response that lacks loaded trips.
    accept_losses: bool,
}

/// A response that is written to the bucket, where its archive is not visible yet.
struct Pulled {
    archive: ObjectWriter,
    report: HourReport,
    has_no_service: bool,
    changes: Option<Changes>,
    /// Number of trips in the previous archive.
    archived: u64,
    /// Which trips it has; `None` if no loaded trip could be lost.
    delivered: Option<Delivered>,
    referenced: Option<ReferencedIds>,
}

impl<'a> OpenHour<'a> {
    async fn start(step: &'a mut ClaimedStep<'_>) -> Result<Self, PipelineError> {
        let provider = step.ctx.provider(&step.block.provider)?;
        Ok(Self {
            client: step
                .ctx
                .provider_client(provider)
                .await?
                .until(Instant::now() + step.time_left() + AFTER_THE_STEP),
            has_side_data: provider.has_vehicles() || provider.has_telemetry(),
            trips_key: step.key(BlockObject::Trips),
            loaded: step.claim.compare_with_loaded(&[]).await?.loaded,
            has_trips_only_in_archive: !step.status().is_loaded()
                || step.claim.row().rejected() > 0,
            accept_losses: step.item.accept_losses,
            ctx: step.ctx,
            claim: &mut step.claim,
            block: &step.block,
            now: Utc::now(),
        })
    }

    /// Whether a response may lack so many loaded trips that it is not believed.
    fn may_lose_loaded_trips(&self) -> bool {
        !self.accept_losses && self.loaded > MAX_MISSING
    }

    /// Whether a response may lack so many of the `archived` trips that it is not believed.
    fn may_lose_archived_trips(&self, archived: u64) -> bool {
        !self.accept_losses && self.has_trips_only_in_archive && archived > MAX_MISSING
    }

    /// A load of no trips has something to do as long as the block owns trips, or the portal still
    /// has some of them.
    async fn has_nothing_to_load(&self, report: &HourReport) -> Result<bool, PipelineError> {
        let has_nothing = report.trips == 0 && self.loaded == 0;
        Ok(has_nothing && !self.claim.waits_for_upload().await?)
    }

    /// Pulls the trips into a new archive and compares them with those of the previous one.
    async fn pull(&self, previous: Option<Fingerprints>) -> Result<Pulled, PipelineError> {
        let (vault, key) = (self.ctx.vault().clone(), self.trips_key.clone());
        let archived = previous.as_ref().map_or(0, Fingerprints::trips);
        let may_lose_loaded_trips = self.may_lose_loaded_trips();
        let may_be_refused = may_lose_loaded_trips || self.may_lose_archived_trips(archived);
        let observers = Observers {
            fingerprints: previous.is_some().then(Fingerprints::default),
            delivered: may_lose_loaded_trips
                .then(|| Collector::new(self.client.config(), self.block.hour, self.now)),
            referenced: self
                .has_side_data
                .then(|| ReferencedIds::of(self.client.config().provider_id)),
        };
        let make_sink = move || {
            ArchiveSink::new(observers.clone(), {
                let (vault, key) = (vault.clone(), key.clone());
                move || {
                    Ok(if may_be_refused {
                        // If the response is not believed, it goes to another key.
                        vault.create_movable(&key, Seal::Encrypt)
                    } else {
                        vault.create(&key, Seal::Encrypt)
                    })
                }
            })
        };
        let PulledHour {
            mut sink,
            report,
            has_no_service,
        } = pull(&self.client, self.block, self.now, make_sink).await?;
        let observers = sink.take_observers();
        let delivered = observers.delivered;
        let delivered = delivered.map(|it| it.finish(previous.as_ref()));
        Ok(Pulled {
            archive: finish(sink, &self.trips_key).await?,
            report,
            has_no_service,
            changes: previous
                .zip(observers.fingerprints)
                .map(|(before, after)| before.compare(after)),
            archived,
            delivered,
            referenced: observers.referenced,
        })
    }

    /// What the response has lost of the trips that are only in the archive. A provider may correct
    /// the ids of all trips, so a new trip makes up for one that is gone.
    fn archived_loss(&self, pulled: &Pulled) -> Option<Loss> {
        let Changes { new, gone, .. } = pulled.changes?;
        let max_loss = self.client.config().max_loss;
        self.may_lose_archived_trips(pulled.archived)
            .then(|| {
                Loss::of(
                    Kept::Archived,
                    pulled.archived,
                    gone.saturating_sub(new),
                    max_loss,
                )
            })
            .flatten()
    }

    /// Checks that the response can be true; keeps one that lacks trips next to the archive.
    async fn believe(&self, mut pulled: Pulled) -> Result<Pulled, PipelineError> {
        let config = self.client.config();
        let address = sha256(config.mds_api_url.as_str());
        if pulled.report.http_status == OK {
            self.claim.note_answer(&address).await?;
        }
        let lost = match pulled.delivered.take() {
            None => None,
            Some(delivered) => delivered.loss(self.claim, config.max_loss).await?,
        };
        if let Some(lost) = lost.or_else(|| self.archived_loss(&pulled)) {
            let key = self.ctx.key(self.block, BlockObject::Refused);
            let refused = pulled.archive.prepare().await?;
            let refused = self.ctx.vault().move_to(refused, &key).await?;
            self.fenced().publish(refused).await?;
            return Err(lost.error(&pulled.report, &key));
        }
        if pulled.has_no_service && !self.claim.has_answered(&address).await? {
            pulled.archive.abort().await;
            return Err(super::belief::unknown_address(
                &self.block.provider,
                pulled.report.http_status,
            ));
        }
        Ok(pulled)
    }

    fn fenced(&self) -> FencedWriter<'_, Claim> {
        FencedWriter::new(self.ctx.vault(), self.claim)
    }

    /// Makes the new archive visible, after a copy of the previous one. `extract.json` comes first:
    /// it describes both archives, so it is right whichever is there if the process is killed.
    async fn publish_archive(
        self,
        previous: Option<PreviousArchive>,
        pulled: Pulled,
        report_now: WriteCondition,
    ) -> Result<ArchivedHour, PipelineError> {
        let object = pulled.archive.prepare().await?;
        let backup_key = match &previous {
            None => None,
            Some(previous) => {
                let vault = self.ctx.vault();
                let key = previous.back_up(vault, self.claim, &self.trips_key, self.now);
                Some(key.await?)
            }
        };
        let info = object.info();
        let payload_bytes = info.bytes;
        let report = ExtractReport {
            provider: self.block.provider.as_str(),
            block_start: self.block.hour.start(),
            block_end: self.block.hour.end(),
            trips_key: &self.trips_key,
            sha256: &info.sha256,
            payload_bytes,
            backup_key: backup_key.as_deref(),
            former_sha256: previous.as_ref().and_then(|it| it.sha256.as_deref()),
            changes: pulled.changes,
            response: &pulled.report,
        };
        let report_key = self.ctx.key(self.block, BlockObject::Extract);
        self.fenced()
            .put_json_if(&report_key, &report, report_now)
            .await?;
        let condition = PreviousArchive::condition(previous.as_ref());
        self.fenced().publish_if(object, condition).await?;
        Ok(ArchivedHour {
            nothing_to_load: self.has_nothing_to_load(&pulled.report).await?,
            trips_key: self.trips_key,
            report: pulled.report,
            changes: pulled.changes,
            payload_bytes,
            referenced: pulled.referenced,
            former_requested_at: previous.as_ref().and_then(|it| it.requested_at),
            former_sha256: previous.and_then(|it| it.sha256),
        })
    }
}

async fn finish(sink: ArchiveSink<ObjectWriter>, key: &str) -> Result<ObjectWriter, PipelineError> {
    spawn_blocking(move || sink.finish())
        .await
        .map_err(|_| PipelineError::panicked("writing the archive"))?
        .map_err(|e| PipelineError::from_io(key, &e))
}
