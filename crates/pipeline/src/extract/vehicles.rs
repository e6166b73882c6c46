//! 2.0: what a provider says of the vehicles that its trips name.
//!
//! The whole list is asked for at most once an hour, before the trips; a device that is not on it
//! is asked for by itself, after them. Nothing of it keeps trips from being archived: what stays
//! unknown is loaded without a vehicle, asked for again, and its blocks are loaded anew once it is
//! known.

use std::io;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mds_client::{MdsClient, TripSink};
use serde_json::value::RawValue;
use store::{Claim, StoreError};
use trips::vehicle::Vehicle;
use uuid::Uuid;

use super::referenced_ids::ReferencedIds;
use crate::context::Context;
use crate::error::PipelineError;

/// How old a list may be.
const LIST_AGE: TimeDelta = TimeDelta::hours(1);
/// How long to wait for another block that asks for the list.
const LIST_WAIT: Duration = Duration::from_secs(60);
/// A device that the provider knew nothing of is asked for again after this.
const ASK_AGAIN: TimeDelta = TimeDelta::hours(24);
/// Devices asked for by themselves in one block; the others wait for the next.
const MAX_LOOKUPS: usize = 100;
/// Records that go to the database together.
const BATCH: usize = 1000;

/// Records as they come; a fleet is some thousands, however many trips an hour has.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    pub(crate) vehicles: Vec<Vehicle>,
    /// Records without a device that a trip could name.
    nameless: u64,
}

impl TripSink for Fleet {
    fn begin(&mut self, _version: &str) -> io::Result<()> {
        Ok(())
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        match Vehicle::read(raw) {
            Some(vehicle) => self.vehicles.push(vehicle),
            None => self.nameless += 1,
        }
        Ok(())
    }
}

/// Asks for the provider's vehicles, unless that was done lately.
pub(super) async fn refresh(
    ctx: &Context,
    claim: &mut Claim,
    client: &MdsClient,
) -> Result<(), PipelineError> {
    let provider = client.config().provider_id;
    let now = ctx.now();
    if is_fresh(claim, provider, now).await? {
        return Ok(());
    }
    match claim.lock_vehicles(provider, LIST_WAIT).await {
        // Whoever has the turn keeps what comes, for this block too once it is loaded.
        Err(StoreError::Busy { .. }) => return Ok(()),
        turn => turn?,
    }
    let asked = ask_for_all(claim, client, now).await;
    claim.unlock_all().await?;
    asked
}

async fn is_fresh(
    claim: &Claim,
    provider: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, PipelineError> {
    let listed_at = claim.vehicles_listed_at(provider).await?;
    Ok(listed_at.is_some_and(|at| now - at < LIST_AGE))
}

async fn ask_for_all(
    claim: &Claim,
    client: &MdsClient,
    now: DateTime<Utc>,
) -> Result<(), PipelineError> {
    let provider = client.config().provider_id;
    if is_fresh(claim, provider, now).await? {
        return Ok(());
    }
    let answer = client.fetch_vehicles(Fleet::default).await;
    // Also of a request that failed, so that not every block of a backfill makes it.
    claim.mark_vehicles_listed(provider, now).await?;
    let fleet = answer?;
    for batch in fleet.vehicles.chunks(BATCH) {
        claim.store_vehicles(provider, now, batch).await?;
    }
    let most = i64::try_from(MAX_LOOKUPS).unwrap_or(i64::MAX);
    let wanted = claim
        .wanted_devices(provider, now - ASK_AGAIN, most)
        .await?;
    ask_for_each(claim, client, now, &wanted).await?;
    let reopened = claim.reopen_for_vehicles(provider).await?;
    tracing::info!(
        vehicles.listed = fleet.vehicles.len(),
        vehicles.nameless = fleet.nameless,
        blocks.reopened = reopened,
        "asked for the provider's vehicles"
    );
    Ok(())
}

/// Asks for the devices of the hour's trips that nothing is known of.
pub(super) async fn look_up(
    ctx: &Context,
    claim: &Claim,
    client: &MdsClient,
    mentions: &ReferencedIds,
) -> Result<(), PipelineError> {
    let provider = client.config().provider_id;
    let now = ctx.now();
    let devices: Vec<Uuid> = mentions.devices.iter().copied().collect();
    let unknown = claim
        .unknown_devices(provider, &devices, now - ASK_AGAIN)
        .await?;
    let (asked, later) = unknown.split_at(unknown.len().min(MAX_LOOKUPS));
    claim.add_wanted_devices(provider, later, None).await?;
    ask_for_each(claim, client, now, asked).await
}

async fn ask_for_each(
    claim: &Claim,
    client: &MdsClient,
    now: DateTime<Utc>,
    devices: &[Uuid],
) -> Result<(), PipelineError> {
    let provider = client.config().provider_id;
    let mut unknown = Vec::new();
    for device in devices {
        let answer = client.fetch_vehicle(*device, Fleet::default).await?;
        let mut vehicles = answer.map(|fleet| fleet.vehicles).unwrap_or_default();
        vehicles.retain(|vehicle| vehicle.device_id == *device);
        if vehicles.is_empty() {
            unknown.push(*device);
        }
        claim.store_vehicles(provider, now, &vehicles).await?;
        tokio::time::sleep(client.config().delay).await;
    }
    claim
        .add_wanted_devices(provider, &unknown, Some(now))
        .await?;
    Ok(())
}
