//! 2.0: vehicles and telemetry of an hour whose extract has archived the trips and ended before it
//! requested them, because it was killed.

use chrono::{DateTime, TimeDelta, Utc};
use trips::block::BlockObject;
use trips::status::BlockStatus;

use super::side_data::{self, Wanted};
use super::survey::Content;
use crate::error::PipelineError;
use crate::event::ExtractOutput;
use crate::plan::is_refetch_due;
use crate::step::ClaimedStep;

/// For how long after the request for the trips. So neither a provider whose vehicles end every
/// process, nor a database from an old backup, has them requested for ever.
const MAX_AGE: TimeDelta = TimeDelta::days(7);

/// The earliest request for trips whose vehicles are still worth a request at `now`.
pub(crate) fn since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - MAX_AGE
}

/// Whether the vehicles of trips that were requested then are still worth a request.
pub(super) fn is_worth_a_request(requested_at: DateTime<Utc>) -> bool {
    requested_at > since(Utc::now())
}

/// Whether a block with this status has trips that need vehicles.
pub(crate) fn has_trips(status: BlockStatus) -> bool {
    status.is_loaded() || matches!(status, BlockStatus::Archived | BlockStatus::LoadFailed)
}

/// Whether vehicles and telemetry of the block's trips are still to be requested.
pub(super) fn is_left(step: &ClaimedStep<'_>) -> bool {
    let since = step.claim.row().side_data_since;
    !step.item.force && has_trips(step.status()) && since.is_some_and(is_worth_a_request)
}

/// Whether nothing else is to be requested: the hour's trips are not due once more.
pub(super) fn is_all(step: &ClaimedStep<'_>) -> Result<bool, PipelineError> {
    if !is_left(step) {
        return Ok(false);
    }
    let (row, provider) = (step.claim.row(), step.ctx.provider(&step.block.provider)?);
    let ages = &provider.config.refetch_after_hours;
    let is_due = is_refetch_due(row.hour, row.status, row.extracted_at, ages, Utc::now());
    Ok(step.is_done_already() || !is_due)
}

/// Requests vehicles and telemetry of the trips in the block's archive. None of it can fail the
/// step, nor cost the hour what it has.
pub(super) async fn request(step: &mut ClaimedStep<'_>) -> ExtractOutput {
    match Content::read(step).await {
        Ok(Some(content)) => match &content.referenced {
            Some(referenced) => side_data::add(step, Wanted::late(referenced)).await,
            // The provider keeps nothing apart any more.
            None => step.claim.settle_side_data(),
        },
        Ok(None) => step.claim.settle_side_data(),
        Err(error) => {
            side_data::warn(&error);
            if !error.name.is_transient() {
                step.claim.settle_side_data();
            }
        }
    }
    let trips_key = step.key(BlockObject::Trips);
    ExtractOutput::without_request(trips_key, step.claim.row().fetched(), false)
}
