//! `extract`: pulls one hour of one provider from its API into the archive, digit for digit.

use chrono::SubsecRound as _;
use mds_client::Withdrawals;
use store::ArchiveRecord;
use trips::block::BlockObject;
use trips::status::{BlockStatus, Step};

use self::adopt::{Adoption, adopt};
use self::archive::{ArchivedHour, archive_hour};
pub(crate) use self::belief::{Kept, Loss};
pub(crate) use self::pull::NO_CONTENT;
use self::referenced_ids::ReferencedIds;
use self::side_data::Wanted;
pub(crate) use self::survey::{Content, Survey};
pub use self::to_file::extract_to;
pub(crate) use self::unrecorded::{Known, Unrecorded, is_newer};
pub(crate) use self::vehicles::listed_devices;
use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, ExtractOutput};
use crate::step::{BlockStep, ClaimedStep, do_step};

mod adopt;
mod archive;
mod belief;
mod canonical;
mod delivered;
pub(crate) mod late_side_data;
mod other_hour;
mod previous_archive;
mod pull;
mod referenced_ids;
mod report;
mod side_data;
mod side_time;
mod sink;
mod survey;
mod telemetry;
mod to_file;
mod unrecorded;
mod vehicles;

/// Pulls the block's hour from its provider and archives it.
///
/// The archive appears whole or not at all, and the block's status changes only after the archive
/// is there. An archive that the bucket has and the schedule does not know of is taken over
/// instead.
///
/// # Errors
///
/// `ProviderNotReady`, `ProviderThrottled`, `ProviderUnavailable`, `ProviderRejected`,
/// `ProviderMalformed`, `ProviderLostTrips`, `ArchiveUnreadable`, `StorageUnavailable`,
/// `DatabaseUnavailable`, `BlockBusy`, `ConfigInvalid`, `InvalidInput`, `Internal`.
pub async fn extract(ctx: &Context, item: BlockItem) -> Result<BlockItem, PipelineError> {
    do_step(ctx, item, Extract).await
}

struct Extract;

impl BlockStep for Extract {
    const STEP: Step = Step::Extract;
    type Output = ExtractOutput;

    fn output_without_work(&self, step: &ClaimedStep<'_>) -> Option<ExtractOutput> {
        let is_done = step.is_done_already() && !late_side_data::is_left(step);
        is_done.then(|| {
            ExtractOutput::without_request(
                step.key(BlockObject::Trips),
                step.claim.row().fetched(),
                step.status() == BlockStatus::NoTrips,
            )
        })
    }

    async fn work(self, step: &mut ClaimedStep<'_>) -> Result<ExtractOutput, PipelineError> {
        if late_side_data::is_all(step)? {
            return Ok(late_side_data::request(step).await);
        }
        let has_archive = match Box::pin(adopt(step)).await? {
            Adoption::Done(adopted) => return Ok(adopted),
            Adoption::NoArchive => false,
            Adoption::NotWanted => true,
        };
        let killed = unrecorded::report_of_killed_extract(step).await?;
        let hour = Box::pin(archive_hour(step, has_archive)).await?;
        let late_before = match (&killed, &hour.former_sha256) {
            (Some(report), Some(former_sha256)) => report.late_trips(former_sha256),
            _ => 0,
        };
        record(step, &hour, late_before).await?;
        log(&hour);
        if let Some(referenced) = &hour.referenced {
            let wanted = Wanted::now(referenced, !hour.is_kept());
            side_data::add(step, wanted).await;
        }
        Ok(ExtractOutput {
            trips_key: hour.trips_key,
            trip_count: hour.report.trips,
            pages: hour.report.pages,
            payload_bytes: hour.payload_bytes,
            changes: hour.changes,
            nothing_to_load: hour.nothing_to_load,
        })
    }

    /// A block keeps its status when its provider fails at a refetch: what it has is still there.
    /// It stays due, so the next run requests it again.
    fn status_after(error: ErrorName, step: &ClaimedStep<'_>) -> Option<BlockStatus> {
        Some(match (error, step.status()) {
            // What is there is right, as far as anybody knows.
            (ErrorName::ProviderLostTrips | ErrorName::ArchiveUnreadable, status) => status,
            (_, status) if status.has_done(Step::Extract) => status,
            (ErrorName::ProviderNotReady, _) => BlockStatus::NotPublished,
            _ => BlockStatus::ExtractFailed,
        })
    }

    fn is_end_of_block(status: BlockStatus) -> bool {
        status == BlockStatus::NoTrips
    }

    fn add_to(item: &mut BlockItem, output: ExtractOutput) {
        item.extract = Some(output);
    }
}

async fn record(
    step: &mut ClaimedStep<'_>,
    hour: &ArchivedHour,
    late_before: u64,
) -> Result<(), PipelineError> {
    let run_id = step.item.run_id;
    let (message, note) = (hour.message(), hour.remarks().note());
    let is_known = is_known(step, hour);
    if hour.is_unchanged() && is_known {
        let withdraws = withdraws(step)?;
        step.claim
            .mark_unchanged(
                run_id,
                &message,
                note.as_deref(),
                hour.report.ended_at,
                withdraws,
            )
            .await?;
    } else {
        // The same answer as before is a new one if it is loaded again.
        let requested_at = (!is_known || !hour.nothing_to_load).then_some(hour.report.ended_at);
        let referenced = hour.referenced.as_ref();
        step.claim
            .mark_archived(&ArchiveRecord {
                run_id,
                payload_key: hour.trips_key.clone(),
                fetched: hour.report.trips,
                message,
                note,
                changes: hour.changes,
                late_before,
                requested_at,
                is_adopted: false,
                nothing_to_load: hour.nothing_to_load,
                side_data_since: requested_at
                    .filter(|_| referenced.is_some_and(ReferencedIds::has_any)),
            })
            .await?;
    }
    Ok(())
}

/// Whether the provider returned what the schedule knows of. The archive of the bucket may be newer
/// than a database that was restored.
fn is_known(step: &ClaimedStep<'_>, hour: &ArchivedHour) -> bool {
    let row = step.claim.row();
    if !hour.is_kept() || row.may_have_unrecorded_archive() {
        return false;
    }
    // Sweeps request thousands of empty hours, of which nothing can be missing.
    if !hour.is_unchanged() {
        return true;
    }
    let (Some(recorded), Some(requested)) = (row.archived_at, hour.former_requested_at) else {
        return true;
    };
    // The database keeps microseconds.
    requested.trunc_subsecs(6) <= recorded
}

fn withdraws(step: &ClaimedStep<'_>) -> Result<bool, PipelineError> {
    let provider = step.ctx.provider(&step.block.provider)?;
    Ok(provider.config.withdrawals == Withdrawals::Mark)
}

fn log(hour: &ArchivedHour) {
    let report = &hour.report;
    tracing::info!(
        s3.key = %hour.trips_key,
        trips.fetched = report.trips,
        trips.new = hour.changes.map(|it| it.new),
        trips.changed = hour.changes.map(|it| it.changed),
        trips.gone = hour.changes.map(|it| it.gone),
        extract.pages = report.pages,
        extract.requests = report.requests,
        extract.body_bytes = report.bytes,
        "block archived"
    );
}
