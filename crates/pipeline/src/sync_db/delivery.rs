//! What a load takes: the block's archive, or a local file in its place.

use std::path::Path;

use chrono::{DateTime, Utc};
use store::ArchiveRecord;
use trips::status::BlockStatus;

use crate::error::PipelineError;
use crate::extract::{Unrecorded, is_newer};
use crate::source::{self, Source};
use crate::step::ClaimedStep;

/// What a load has to know of the trips that it takes, before it reads them.
pub(super) struct Delivery {
    /// When the provider was requested for the trips: of several deliveries of a trip the latest
    /// counts.
    pub(super) requested_at: DateTime<Utc>,
    /// What the schedule does not know of the archive yet.
    pub(super) record: Option<ArchiveRecord>,
    /// Whether a trip that is not among them is gone.
    pub(super) tells_what_is_gone: bool,
    /// Whether the rows are published again, also those that stay the same.
    pub(super) republish: bool,
    /// The number of loaded trips of which it may not lack too many.
    pub(super) kept: Option<u64>,
}

impl Delivery {
    /// Looks at the block's archive or at the file.
    ///
    /// # Errors
    ///
    /// `ArchiveUnreadable` and `StorageUnavailable` of an archive, `InvalidInput` of a file,
    /// `DatabaseUnavailable`.
    pub(super) async fn of(
        step: &ClaimedStep<'_>,
        source: Source<'_>,
        archive_key: &str,
    ) -> Result<Self, PipelineError> {
        match source {
            Source::Bucket => Self::of_archive(step, archive_key).await,
            Source::File(path) => Self::of_file(step, path).await,
        }
    }

    async fn of_archive(step: &ClaimedStep<'_>, archive_key: &str) -> Result<Self, PipelineError> {
        let row = step.claim.row();
        let recorded_at = row.archived_at.or(row.extracted_at);
        let unrecorded = if row.may_have_unrecorded_archive() {
            Unrecorded::find(step).await?
        } else if has_newer_archive(step).await? {
            let found = Unrecorded::find(step).await?;
            found.filter(Unrecorded::is_requested)
        } else {
            None
        };
        let (requested_at, record) = match (&unrecorded, recorded_at) {
            (Some(archive), _) => (archive.requested_at(), archive.record(step, false)),
            (None, Some(recorded_at)) => (recorded_at, None),
            (None, None) => (written_at(step, archive_key).await?, None),
        };
        Ok(Self {
            requested_at,
            record,
            // Of an archive from before this ledger nobody knows which trips its hour had returned
            // before: the owner of an older tool's row is a guess by the time of its end.
            tells_what_is_gone: unrecorded.is_some() || recorded_at.is_some(),
            republish: step.item.force,
            kept: None,
        })
    }

    /// A file is as late as its last change, so that an archive which somebody has picked out and
    /// loads by hand counts.
    async fn of_file(step: &ClaimedStep<'_>, path: &Path) -> Result<Self, PipelineError> {
        let requested_at = source::modified_at(path)?.min(Utc::now());
        let kept = if step.item.accept_losses {
            None
        } else {
            Some(step.claim.compare_with_loaded(&[]).await?.loaded)
        };
        Ok(Self {
            requested_at,
            record: None,
            tells_what_is_gone: true,
            republish: true,
            kept,
        })
    }
}

/// Whether the bucket's archive may be newer than the database, which was restored then. What this
/// run has requested is recorded.
async fn has_newer_archive(step: &ClaimedStep<'_>) -> Result<bool, PipelineError> {
    let row = step.claim.row();
    let is_of_this_run =
        row.status == BlockStatus::Archived && row.run_id == Some(step.item.run_id);
    match row.archived_at {
        Some(recorded_at) if !is_of_this_run => is_newer(step.ctx, &step.block, recorded_at).await,
        _ => Ok(false),
    }
}

/// An archive that the schedule knows nothing of is as old as its object.
async fn written_at(
    step: &ClaimedStep<'_>,
    archive_key: &str,
) -> Result<DateTime<Utc>, PipelineError> {
    let object = step.ctx.vault().head(archive_key).await?;
    let written = object.and_then(|object| object.modified);
    Ok(written.map_or_else(Utc::now, DateTime::from))
}
