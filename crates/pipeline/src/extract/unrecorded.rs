//! An archive that the bucket has and the schedule does not know of: the database is new, or was
//! restored from an older copy, or an extract was killed after it stored the archive.

use std::io;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use store::ArchiveRecord;
use tokio::task::spawn_blocking;
use trips::Changes;
use trips::block::{Block, BlockObject};
use trips::envelope::{EnvelopeError, TripVisitor, read_envelope};
use trips::status::Step;
use vault::VaultError;

use super::late_side_data::is_worth_a_request;
use super::other_hour::EndHours;
use super::referenced_ids::ReferencedIds;
use super::report::StoredReport;
use crate::context::Context;
use crate::error::PipelineError;
use crate::hashing::Hashing;
use crate::step::ClaimedStep;

/// An archive that the schedule does not know of, as it was read.
pub(crate) struct Unrecorded {
    pub(super) trips_key: String,
    pub(super) trips: u64,
    /// What 2.0 keeps more data of; `None` if none of it is requested.
    pub(super) referenced: Option<ReferencedIds>,
    origin: Origin,
}

/// Where an archive comes from.
enum Origin {
    /// It is the one that the schedule tells of. Another one was about to replace it, or it was
    /// missed.
    Recorded(DateTime<Utc>),
    /// An extract has requested it, as `extract.json` says.
    Requested {
        at: DateTime<Utc>,
        changes: Option<Changes>,
        /// What its response may lack.
        note: Option<String>,
    },
    /// Nothing tells. It is as old as its object.
    Written(DateTime<Utc>),
}

impl Unrecorded {
    /// Reads the block's archive; `None` if the bucket has none.
    ///
    /// # Errors
    ///
    /// `ArchiveUnreadable` if there is an archive that cannot be read, a report of another block,
    /// or no report and the trips of another hour.
    pub(crate) async fn find(step: &ClaimedStep<'_>) -> Result<Option<Self>, PipelineError> {
        let trips_key = step.key(BlockObject::Trips);
        let Some(content) = Content::read(step).await? else {
            return Ok(None);
        };
        let origin = origin(step, &trips_key, &content.sha256).await?;
        if matches!(origin, Origin::Written(_)) {
            content.end_hours.check(step)?;
        }
        Ok(Some(Self {
            trips_key,
            trips: content.trips,
            referenced: content.referenced,
            origin,
        }))
    }

    /// When the provider was requested for the archive.
    pub(crate) fn requested_at(&self) -> DateTime<Utc> {
        match self.origin {
            Origin::Recorded(at) | Origin::Requested { at, .. } | Origin::Written(at) => at,
        }
    }

    /// Whether an extract has requested the archive, as `extract.json` says.
    pub(crate) fn is_requested(&self) -> bool {
        matches!(self.origin, Origin::Requested { .. })
    }

    /// What the schedule has to tell of the archive; `None` if it does already.
    pub(crate) fn record(
        &self,
        step: &ClaimedStep<'_>,
        nothing_to_load: bool,
    ) -> Option<ArchiveRecord> {
        let (changes, note) = match &self.origin {
            Origin::Recorded(_) if step.status().has_done(Step::Extract) => return None,
            Origin::Requested { changes, note, .. } => (*changes, note.clone()),
            Origin::Recorded(_) | Origin::Written(_) => (None, None),
        };
        let trips = self.trips;
        Some(ArchiveRecord {
            run_id: step.item.run_id,
            payload_key: self.trips_key.clone(),
            fetched: trips,
            message: format!(
                "the bucket had an archive with {trips} trips; the provider was not requested"
            ),
            note,
            changes,
            late_before: 0,
            requested_at: Some(self.requested_at()),
            is_adopted: true,
            nothing_to_load,
            side_data_since: self.side_data_since(),
        })
    }

    /// When our own extract requested the archive, if it was lately and may have ended before it
    /// requested the vehicles. Providers are not asked about archives of former times.
    fn side_data_since(&self) -> Option<DateTime<Utc>> {
        let Origin::Requested { at, .. } = self.origin else {
            return None;
        };
        let refers = self.referenced.as_ref().is_some_and(ReferencedIds::has_any);
        (refers && is_worth_a_request(at)).then_some(at)
    }
}

async fn origin(
    step: &ClaimedStep<'_>,
    trips_key: &str,
    sha256: &str,
) -> Result<Origin, PipelineError> {
    let (vault, key) = (step.ctx.vault(), step.key(BlockObject::Extract));
    match vault.get_sealed_json::<StoredReport>(&key).await {
        Err(VaultError::NotFound { .. }) => {}
        report => {
            let report = report?;
            report.check_block(&step.block, &key)?;
            if let Some(at) = report.requested_at(sha256) {
                return Ok(Origin::Requested {
                    at,
                    changes: report.changes,
                    note: report.remarks.note(),
                });
            }
            if let Some(at) = step.claim.row().archived_at
                && report.replaces(sha256)
            {
                return Ok(Origin::Recorded(at));
            }
        }
    }
    let row = step.claim.row();
    if let Some(at) = row.archived_at
        && !row.may_have_unrecorded_archive()
    {
        return Ok(Origin::Recorded(at));
    }
    let written = vault.head(trips_key).await?.and_then(|head| head.modified);
    Ok(Origin::Written(
        written.map_or(step.block.hour.end(), DateTime::from),
    ))
}

/// Whether `extract.json` tells of a later request than the schedule, since the database was
/// restored from an older copy. The report of another block tells nothing.
pub(crate) async fn is_newer(
    ctx: &Context,
    block: &Block,
    recorded_at: DateTime<Utc>,
) -> Result<bool, PipelineError> {
    let key = ctx.key(block, BlockObject::Extract);
    match ctx.vault().get_sealed_json::<StoredReport>(&key).await {
        // The archive is right, whatever became of its report.
        Err(VaultError::NotFound { .. } | VaultError::Unreadable { .. }) => Ok(false),
        report => {
            let report = report?;
            Ok(report.check_block(block, &key).is_ok() && report.is_newer_than(recorded_at))
        }
    }
}

/// When the provider was requested for the archive with this hash, if `extract.json` tells.
pub(super) async fn requested_at(
    step: &ClaimedStep<'_>,
    sha256: &str,
) -> Result<Option<DateTime<Utc>>, PipelineError> {
    let report = stored_report(step).await?;
    Ok(report.and_then(|it| it.requested_at(sha256)))
}

/// What `extract.json` tells of an archive that may have replaced the one that the schedule knows,
/// since an extract was killed meanwhile. The next extract writes over it.
pub(super) async fn report_of_killed_extract(
    step: &ClaimedStep<'_>,
) -> Result<Option<StoredReport>, PipelineError> {
    match step.claim.row().replacing_since {
        Some(_) => stored_report(step).await,
        None => Ok(None),
    }
}

async fn stored_report(step: &ClaimedStep<'_>) -> Result<Option<StoredReport>, PipelineError> {
    let key = step.key(BlockObject::Extract);
    match step.ctx.vault().get_sealed_json(&key).await {
        // The archive is right, whatever became of its report.
        Err(VaultError::NotFound { .. } | VaultError::Unreadable { .. }) => Ok(None),
        report => Ok(Some(report?)),
    }
}

/// What an archive holds.
pub(super) struct Content {
    pub(super) trips: u64,
    pub(super) sha256: String,
    pub(super) referenced: Option<ReferencedIds>,
    end_hours: EndHours,
}

impl Content {
    /// Reads the block's archive; `None` if the bucket has none.
    pub(super) async fn read(step: &ClaimedStep<'_>) -> Result<Option<Self>, PipelineError> {
        let provider = step.ctx.provider(&step.block.provider)?;
        let has_side_data = provider.has_vehicles() || provider.has_telemetry();
        let mut visitor = Visitor {
            trips: 0,
            referenced: has_side_data.then(|| ReferencedIds::of(provider.config.provider_id)),
            end_hours: EndHours::new(step.block.hour),
        };
        let archive = match step
            .ctx
            .vault()
            .open_sealed(&step.key(BlockObject::Trips))
            .await
        {
            Err(VaultError::NotFound { .. }) => return Ok(None),
            archive => archive?,
        };
        let reading = spawn_blocking(move || {
            let mut archive = Hashing::new(archive);
            read_envelope(&mut archive, &mut visitor)?;
            Ok(Self {
                trips: visitor.trips,
                sha256: archive.finish().map_err(EnvelopeError::Read)?,
                referenced: visitor.referenced,
                end_hours: visitor.end_hours,
            })
        });
        reading
            .await
            .map_err(|_| PipelineError::panicked("reading the archive"))?
            .map(Some)
            .map_err(|e| PipelineError::from_envelope("the archive", &e))
    }
}

struct Visitor {
    trips: u64,
    referenced: Option<ReferencedIds>,
    end_hours: EndHours,
}

impl TripVisitor for Visitor {
    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        self.trips += 1;
        self.end_hours.push(raw);
        if let Some(referenced) = &mut self.referenced {
            referenced.push(raw);
        }
        Ok(())
    }
}
