//! 2.0: keeps what a provider says about the vehicles of its trips.
//!
//! All of it is requested after the trips are archived, and within a limited time. The whole list
//! is requested at most once an hour. A device that is not on the list is requested by itself. A
//! failure is a problem of the vehicles only: a device that stays unknown is loaded without a
//! vehicle and requested again, and its blocks are loaded again once it is known.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use mds_client::MdsClient;
use store::{Claim, StoreError};
use tokio::time::Instant;
use uuid::Uuid;

use super::referenced_ids::ReferencedIds;
use super::side_data::SideData;
use super::side_time::SideTime;
use crate::error::PipelineError;

mod list;
mod look_up;

pub(crate) use list::listed_devices;

/// How old a list may be before it is requested again.
const MAX_LIST_AGE: TimeDelta = TimeDelta::hours(1);
/// How long to wait for another block that requests the list.
const LIST_WAIT: Duration = Duration::from_secs(60);
/// The list may take a third of the time, so that look-ups and telemetry have as much.
const LIST_SHARES: u32 = 3;
/// Look-ups may take half of what the list leaves.
const LOOK_UP_SHARES: u32 = 2;

/// Whether this block requests the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListTurn {
    /// The last list is fresh.
    Fresh,
    /// Another block is reading the list. It may have the devices that this one would look up.
    Elsewhere,
    /// This block reads the list, under the lock on it.
    Ours,
}

/// Requests the provider's list of vehicles unless the last one is fresh, and then the devices of
/// the trips that are still unknown. `is_late` says whether the trips may be loaded already.
pub(super) async fn update(
    claim: &mut Claim,
    client: &MdsClient,
    referenced: &ReferencedIds,
    time: SideTime,
    is_late: bool,
    side_data: &mut SideData,
) {
    let provider = client.config().provider_id;
    let Some(turn) = side_data.note(take_turn(claim, provider, time).await) else {
        return;
    };
    if turn == ListTurn::Ours {
        let read = list::read(claim, client, time.share(LIST_SHARES)).await;
        let unlocked = claim.unlock_all().await.map_err(PipelineError::from);
        side_data.note(read);
        if side_data.note(unlocked).is_none() {
            return;
        }
    }
    let looked_up = look_up::look_up(claim, client, referenced, turn, time).await;
    side_data.note(looked_up);
    if turn == ListTurn::Ours || is_late {
        side_data.note(reopen(claim, provider).await);
    }
}

async fn take_turn(
    claim: &mut Claim,
    provider: Uuid,
    time: SideTime,
) -> Result<ListTurn, PipelineError> {
    let share = time.share(LIST_SHARES);
    let wait = LIST_WAIT.min(share.saturating_duration_since(Instant::now()));
    match claim.lock_vehicles(provider, wait).await {
        Err(StoreError::Busy { .. }) => return Ok(ListTurn::Elsewhere),
        locked => locked?,
    }
    let listed_at = claim.vehicles_listed_at(provider).await?;
    if listed_at.is_none_or(|at| Utc::now() - at >= MAX_LIST_AGE) {
        return Ok(ListTurn::Ours);
    }
    claim.unlock_all().await?;
    Ok(ListTurn::Fresh)
}

async fn reopen(claim: &Claim, provider: Uuid) -> Result<(), PipelineError> {
    let reopened = claim.reopen_for_vehicles(provider).await?;
    if reopened > 0 {
        tracing::info!(
            blocks.reopened = reopened,
            "blocks to be loaded again with their vehicles"
        );
    }
    Ok(())
}
