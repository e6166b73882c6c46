//! What a load takes: the block's archive, or a local file in its place.

use std::path::Path;

use chrono::{DateTime, Utc};
use store::ArchiveRecord;
use trips::status::BlockStatus;

use super::older::ArchiveKey;
use crate::block_report::BlockReport;
use crate::error::PipelineError;
use crate::extract::{Content, Known, Survey, Unrecorded, is_newer};
use crate::source::{self, Source};
use crate::step::ClaimedStep;

/// The trips that a load takes, before it reads them.
pub(super) enum Delivery<'a> {
    /// The block's archive.
    Archive(Box<Known<'a>>),
    /// A local file.
    File {
        changed_at: DateTime<Utc>,
        /// The number of loaded trips of which it may not lack too many.
        kept: Option<u64>,
    },
}

/// What a load has to know of the trips that it has read, before it writes them.
pub(super) struct Terms {
    /// When the provider was requested for the trips: of several deliveries of a trip the latest
    /// counts.
    pub(super) requested_at: DateTime<Utc>,
    /// What the schedule does not know of the archive yet.
    pub(super) record: Option<ArchiveRecord>,
    /// Whether a trip that is not among them is gone.
    pub(super) tells_what_is_gone: bool,
    /// Whether the rows are published again, also those that stay the same.
    pub(super) republish: bool,
}

impl<'a> Delivery<'a> {
    /// Looks at the schedule, or at the file.
    ///
    /// # Errors
    ///
    /// `InvalidInput` of a file, `DatabaseUnavailable`.
    pub(super) async fn of(
        step: &ClaimedStep<'a>,
        source: Source<'_>,
    ) -> Result<Self, PipelineError> {
        match source {
            Source::Bucket => Ok(Self::Archive(Box::new(Known::of(step)))),
            Source::File(path) => Self::of_file(step, path).await,
        }
    }

    /// A file is as late as its last change, so that an archive which somebody has picked out and
    /// loads by hand counts.
    async fn of_file(step: &ClaimedStep<'_>, path: &Path) -> Result<Self, PipelineError> {
        let changed_at = source::modified_at(path)?.min(Utc::now());
        let kept = if step.item.accept_losses {
            None
        } else {
            Some(step.claim.compare_with_loaded(&[]).await?.loaded)
        };
        Ok(Self::File { changed_at, kept })
    }

    /// The number of loaded trips of which it may not lack too many.
    pub(super) fn kept(&self) -> Option<u64> {
        match self {
            Self::Archive(_) => None,
            Self::File { kept, .. } => *kept,
        }
    }

    /// What is to see the trips while they are read: that of an archive of which the schedule does
    /// not tell, as it seems.
    ///
    /// # Errors
    ///
    /// `ConfigInvalid`.
    pub(super) fn survey(
        &self,
        key: &ArchiveKey,
        report: Option<&BlockReport>,
    ) -> Result<Option<Survey>, PipelineError> {
        let Self::Archive(known) = self else {
            return Ok(None);
        };
        let seems_new = known.row.may_have_unrecorded_archive() || has_newer_archive(known, report);
        if !seems_new || !key.is_own() {
            return Ok(None);
        }
        Survey::of(known.ctx, &known.block).map(Some)
    }

    /// What follows from the trips, once they are read. `content` is what the survey has seen.
    ///
    /// # Errors
    ///
    /// `ArchiveUnreadable` if the archive seems to be that of another block; `StorageUnavailable`.
    pub(super) async fn terms(
        self,
        key: &ArchiveKey,
        report: Option<&BlockReport>,
        content: Option<Content>,
    ) -> Result<Terms, PipelineError> {
        match self {
            Self::Archive(known) => of_archive(&known, key, report, content).await,
            Self::File { changed_at, .. } => Ok(Terms {
                requested_at: changed_at,
                record: None,
                tells_what_is_gone: true,
                republish: true,
            }),
        }
    }
}

async fn of_archive(
    known: &Known<'_>,
    key: &ArchiveKey,
    report: Option<&BlockReport>,
    content: Option<Content>,
) -> Result<Terms, PipelineError> {
    let row = &known.row;
    let recorded_at = row.archived_at.or(row.extracted_at);
    let unrecorded = match content {
        Some(content) => Some(Unrecorded::of(known, content, report).await?),
        None => None,
    };
    let unrecorded = unrecorded.filter(|it| row.may_have_unrecorded_archive() || it.is_requested());
    let (requested_at, record) = match (&unrecorded, recorded_at) {
        (Some(archive), _) => (archive.requested_at(), archive.record(known, false)),
        (None, Some(recorded_at)) => (recorded_at, None),
        (None, None) => (written_at(known, &key.key).await?, None),
    };
    Ok(Terms {
        requested_at,
        record,
        // Of an archive from before this ledger nobody knows which trips its hour had returned
        // before: the owner of an older tool's row is a guess by the time of its end.
        tells_what_is_gone: unrecorded.is_some() || recorded_at.is_some(),
        republish: known.item.force,
    })
}

/// Whether the bucket's archive may be newer than the database, which was restored then. What this
/// run has requested is recorded.
fn has_newer_archive(known: &Known<'_>, report: Option<&BlockReport>) -> bool {
    let row = &known.row;
    let is_of_this_run =
        row.status == BlockStatus::Archived && row.run_id == Some(known.item.run_id);
    match (row.archived_at, report) {
        (Some(recorded_at), Some(report)) if !is_of_this_run => {
            is_newer(report, &known.block, recorded_at)
        }
        _ => false,
    }
}

/// An archive that the schedule knows nothing of is as old as its object.
async fn written_at(known: &Known<'_>, archive_key: &str) -> Result<DateTime<Utc>, PipelineError> {
    let object = known.ctx.vault().head(archive_key).await?;
    let written = object.and_then(|object| object.modified);
    Ok(written.map_or_else(Utc::now, DateTime::from))
}
