//! An archive that the bucket has and the schedule does not know of: the database is new, or was
//! restored from an older copy, or an extract was killed after it stored the archive.

use chrono::{DateTime, Utc};
use store::{ArchiveRecord, ScheduleRow};
use trips::Changes;
use trips::block::{Block, BlockObject};
use trips::status::Step;
use trips::words::counted;

use super::late_side_data::is_worth_a_request;
use super::referenced_ids::ReferencedIds;
use super::report::StoredReport;
use super::survey::Content;
use crate::block_report::BlockReport;
use crate::context::Context;
use crate::error::PipelineError;
use crate::event::BlockItem;
use crate::step::ClaimedStep;

/// A block as the schedule knows it before its archive is read.
#[derive(Clone)]
pub(crate) struct Known<'a> {
    pub(crate) ctx: &'a Context,
    pub(crate) item: &'a BlockItem,
    pub(crate) block: Block,
    pub(crate) row: ScheduleRow,
}

impl<'a> Known<'a> {
    pub(crate) fn of(step: &ClaimedStep<'a>) -> Self {
        Self {
            ctx: step.ctx,
            item: step.item,
            block: step.block.clone(),
            row: step.claim.row().clone(),
        }
    }

    pub(super) fn trips_key(&self) -> String {
        self.ctx.key(&self.block, BlockObject::Trips)
    }
}

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
    /// `ArchiveUnreadable` if there is an archive that cannot be read, and as [`Self::of`].
    pub(super) async fn find(step: &ClaimedStep<'_>) -> Result<Option<Self>, PipelineError> {
        let Some(content) = Content::read(step).await? else {
            return Ok(None);
        };
        let known = Known::of(step);
        let report = BlockReport::read(step.ctx.vault(), &known.trips_key()).await?;
        Ok(Some(Self::of(&known, content, report.as_ref()).await?))
    }

    /// Finds out where an archive comes from that has been read.
    ///
    /// # Errors
    ///
    /// `ArchiveUnreadable` if it has a report of another block, or no report and the trips of
    /// another hour.
    pub(crate) async fn of(
        known: &Known<'_>,
        content: Content,
        report: Option<&BlockReport>,
    ) -> Result<Self, PipelineError> {
        let origin = origin(known, &content.sha256, report).await?;
        if matches!(origin, Origin::Written(_)) {
            content.end_hours.check(known)?;
        }
        Ok(Self {
            trips_key: known.trips_key(),
            trips: content.trips,
            referenced: content.referenced,
            origin,
        })
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
    pub(crate) fn record(&self, known: &Known<'_>, nothing_to_load: bool) -> Option<ArchiveRecord> {
        let (changes, note) = match &self.origin {
            Origin::Recorded(_) if known.row.status.has_done(Step::Extract) => return None,
            Origin::Requested { changes, note, .. } => (*changes, note.clone()),
            Origin::Recorded(_) | Origin::Written(_) => (None, None),
        };
        let trips = self.trips;
        Some(ArchiveRecord {
            run_id: known.item.run_id,
            payload_key: self.trips_key.clone(),
            fetched: trips,
            message: format!(
                "the bucket had an archive with {}; the provider was not requested",
                counted(trips, "trip")
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
    known: &Known<'_>,
    sha256: &str,
    report: Option<&BlockReport>,
) -> Result<Origin, PipelineError> {
    let Known { block, row, .. } = known;
    if let Some(found) = report {
        let report: StoredReport = found.parse()?;
        report.check_block(block, &found.key)?;
        if let Some(at) = report.requested_at(sha256) {
            return Ok(Origin::Requested {
                at,
                changes: report.changes,
                note: report.remarks.note(),
            });
        }
        if let Some(at) = row.archived_at
            && report.replaces(sha256)
        {
            return Ok(Origin::Recorded(at));
        }
    }
    if let Some(at) = row.archived_at
        && !row.may_have_unrecorded_archive()
    {
        return Ok(Origin::Recorded(at));
    }
    let object = known.ctx.vault().head(&known.trips_key()).await?;
    let written = object.and_then(|object| object.modified);
    Ok(Origin::Written(
        written.map_or(block.hour.end(), DateTime::from),
    ))
}

/// Whether `extract.json` tells of a later request than the schedule, since the database was
/// restored from an older copy. The report of another block tells nothing.
pub(crate) fn is_newer(report: &BlockReport, block: &Block, recorded_at: DateTime<Utc>) -> bool {
    // The archive is right, whatever became of its report.
    report
        .parse::<StoredReport>()
        .is_ok_and(|it| it.check_block(block, &report.key).is_ok() && it.is_newer_than(recorded_at))
}

/// What `extract.json` tells of an archive that may have replaced the one that the schedule knows,
/// since an extract was killed meanwhile. The next extract writes over it.
pub(super) async fn report_of_killed_extract(
    step: &ClaimedStep<'_>,
) -> Result<Option<StoredReport>, PipelineError> {
    if step.claim.row().replacing_since.is_none() {
        return Ok(None);
    }
    let (vault, trips_key) = (step.ctx.vault(), step.key(BlockObject::Trips));
    let report = BlockReport::read_if_readable(vault, &trips_key).await?;
    Ok(report.and_then(|it| it.parse().ok()))
}
