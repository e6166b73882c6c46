//! Takes over an archive that the bucket has and the schedule does not know of, or has missed.

use trips::status::Step;

use super::side_data::{self, Wanted};
use super::unrecorded::{Known, Unrecorded};
use crate::error::{ErrorName, PipelineError};
use crate::event::ExtractOutput;
use crate::step::ClaimedStep;

/// What came of the look for an archive to take over.
pub(super) enum Adoption {
    /// It is taken over.
    Done(ExtractOutput),
    /// The bucket has none.
    NoArchive,
    /// The block's hour was archived, or the step is forced: the provider is asked, whatever there
    /// is.
    NotWanted,
}

/// Takes over the archive of a block whose hour is not archived as far as its status tells, without
/// a request for its trips: the database is new or older than the bucket, a former extract was
/// killed, or somebody has put the archive there since the last request failed. The provider may
/// not have the hour any more.
///
/// If our own extract has requested it lately and was killed, the vehicles and the telemetry of its
/// trips are requested now.
///
/// # Errors
///
/// `ArchiveUnreadable` if there is an archive that cannot be read. It stays as it is, and so does
/// the block's status, until the key is there.
pub(super) async fn adopt(step: &mut ClaimedStep<'_>) -> Result<Adoption, PipelineError> {
    if step.item.force || step.status().has_done(Step::Extract) {
        return Ok(Adoption::NotWanted);
    }
    let Some(found) = Unrecorded::find(step).await.map_err(kept)? else {
        return Ok(Adoption::NoArchive);
    };
    let nothing_to_load = found.trips == 0
        && step.claim.compare_with_loaded(&[]).await?.loaded == 0
        && !step.claim.waits_for_upload().await?;
    if let Some(record) = found.record(&Known::of(step), nothing_to_load) {
        step.claim.mark_archived(&record).await?;
    }
    tracing::info!(
        s3.key = %found.trips_key,
        trips.fetched = found.trips,
        "archive in the bucket adopted"
    );
    if let Some(referenced) = &found.referenced
        && step.claim.row().side_data_since.is_some()
    {
        side_data::add(step, Wanted::late(referenced)).await;
    }
    Ok(Adoption::Done(ExtractOutput::without_request(
        found.trips_key,
        found.trips,
        nothing_to_load,
    )))
}

/// Adds to the error of an archive that cannot be read what becomes of it.
fn kept(mut error: PipelineError) -> PipelineError {
    if error.name == ErrorName::ArchiveUnreadable {
        error.message += "; the archive is kept, and the provider is not requested for the hour: only --force requests it, \
                          and keeps a copy of the archive";
    }
    error
}
