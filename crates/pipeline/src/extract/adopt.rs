//! Takes over an archive that the bucket has and the schedule does not know of: the database is
//! new, or was restored from an older copy.

use std::io;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use store::ArchiveRecord;
use tokio::task::spawn_blocking;
use trips::block::BlockObject;
use trips::envelope::{EnvelopeError, TripVisitor, read_envelope};
use trips::status::BlockStatus;
use vault::VaultError;

use super::report::StoredReport;
use crate::error::{ErrorName, PipelineError};
use crate::event::ExtractOutput;
use crate::hashing::Hashing;
use crate::step::ClaimedStep;

/// What came of the look for an archive to take over.
pub(super) enum Adoption {
    /// It is taken over.
    Done(ExtractOutput),
    /// The bucket has none.
    NoArchive,
    /// The block is not new, or the step is forced: the provider is asked, whatever there is.
    NotWanted,
}

/// Takes over the archive of a block with the status "new", without a request to its provider.
///
/// # Errors
///
/// `ArchiveUnreadable` if there is an archive that cannot be read. It stays as it is, and so does
/// the block's status, until the key is there.
pub(super) async fn adopt(step: &mut ClaimedStep<'_>) -> Result<Adoption, PipelineError> {
    if step.item.force || step.status() != BlockStatus::New {
        return Ok(Adoption::NotWanted);
    }
    let trips_key = step.key(BlockObject::Trips);
    let archive = match step.ctx.vault().open_sealed(&trips_key).await {
        Err(VaultError::NotFound { .. }) => return Ok(Adoption::NoArchive),
        archive => archive.map_err(kept)?,
    };
    let content = read(archive).await?;
    let requested_at = requested_at(step, &trips_key, &content.sha256).await?;
    let nothing_to_load = content.trips == 0
        && step.claim.compare_with_loaded(&[]).await?.loaded == 0
        && !step.claim.waits_for_upload().await?;
    step.claim
        .mark_archived(&ArchiveRecord {
            run_id: step.item.run_id,
            payload_key: trips_key.clone(),
            fetched: content.trips,
            message: format!(
                "the bucket had an archive with {} trips; the provider was not requested",
                content.trips
            ),
            changes: None,
            requested_at: Some(requested_at),
            is_adopted: true,
            nothing_to_load,
        })
        .await?;
    tracing::info!(
        s3.key = %trips_key,
        trips.fetched = content.trips,
        "archive in the bucket adopted"
    );
    Ok(Adoption::Done(ExtractOutput {
        trips_key,
        trip_count: content.trips,
        pages: 0,
        payload_bytes: 0,
        changes: None,
        nothing_to_load,
    }))
}

/// What an archive holds.
struct Content {
    trips: u64,
    sha256: String,
}

#[derive(Default)]
struct Count(u64);

impl TripVisitor for Count {
    fn trip(&mut self, _: &RawValue) -> io::Result<()> {
        self.0 += 1;
        Ok(())
    }
}

async fn read(archive: impl io::Read + Send + 'static) -> Result<Content, PipelineError> {
    let reading = spawn_blocking(move || {
        let (mut archive, mut count) = (Hashing::new(archive), Count::default());
        read_envelope(&mut archive, &mut count)?;
        Ok(Content {
            trips: count.0,
            sha256: archive.finish().map_err(EnvelopeError::Read)?,
        })
    });
    reading
        .await
        .map_err(|_| PipelineError::panicked("reading the archive"))?
        .map_err(|e| PipelineError::from_envelope("the archive", &e))
}

/// When the provider was requested for the archive: as `extract.json` says, or when the object was
/// written. The archives of older tools have no `extract.json`.
async fn requested_at(
    step: &ClaimedStep<'_>,
    trips_key: &str,
    sha256: &str,
) -> Result<DateTime<Utc>, PipelineError> {
    let (vault, key) = (step.ctx.vault(), step.key(BlockObject::Extract));
    match vault.get_sealed_json::<StoredReport>(&key).await {
        Err(VaultError::NotFound { .. }) => {}
        report => {
            let report = report?;
            report.check_block(&step.block, &key)?;
            if let Some(at) = report.requested_at(sha256) {
                return Ok(at);
            }
        }
    }
    let written = vault.head(trips_key).await?.and_then(|head| head.modified);
    Ok(written.map_or(step.block.hour.end(), DateTime::from))
}

/// Adds to the error of an archive that cannot be read what becomes of it.
fn kept(error: VaultError) -> PipelineError {
    let mut error = PipelineError::from(error);
    if error.name == ErrorName::ArchiveUnreadable {
        error.message += "; the archive is kept, and the provider is not requested for the hour";
    }
    error
}
