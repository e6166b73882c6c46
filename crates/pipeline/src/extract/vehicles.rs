//! 2.0: keeps what a provider says about the vehicles of its trips.
//!
//! The whole list is requested at most once an hour, before the trips. A device that is not on the
//! list is requested by itself, after the trips. A failure does not keep trips from being archived:
//! a device that stays unknown is loaded without a vehicle and requested again, and its blocks are
//! loaded again once it is known.

use std::io;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mds_client::{MdsClient, TripSink};
use serde_json::value::RawValue;
use store::{Claim, StoreError};
use trips::vehicle::Vehicle;
use uuid::Uuid;

use super::referenced_ids::ReferencedIds;
use crate::error::PipelineError;

/// How old a list may be before it is requested again.
const MAX_LIST_AGE: TimeDelta = TimeDelta::hours(1);
/// How long to wait for another block that requests the list.
const LIST_WAIT: Duration = Duration::from_secs(60);
/// How long to wait before a device that the provider did not know is requested again.
const LOOKUP_PAUSE: TimeDelta = TimeDelta::hours(24);
/// How many devices one block requests by themselves; the others wait for the next block.
const MAX_LOOKUPS: usize = 100;
/// How many records go to the database together.
const BATCH: usize = 1000;

/// A provider's vehicles in memory: a fleet has some thousands, however many trips an hour has.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    pub(crate) vehicles: Vec<Vehicle>,
    /// Number of records without a usable device id.
    without_id: u64,
}

impl TripSink for Fleet {
    fn begin(&mut self, _version: &str) -> io::Result<()> {
        Ok(())
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        match Vehicle::read(raw) {
            Some(vehicle) => self.vehicles.push(vehicle),
            None => self.without_id += 1,
        }
        Ok(())
    }
}

/// Requests the provider's list of vehicles, unless the last one is fresh.
pub(super) async fn refresh(
    claim: &mut Claim,
    client: &MdsClient,
    now: DateTime<Utc>,
) -> Result<(), PipelineError> {
    let provider = client.config().provider_id;
    if is_fresh(claim, provider, now).await? {
        return Ok(());
    }
    match claim.lock_vehicles(provider, LIST_WAIT).await {
        // Whoever holds the lock stores the list, and this block's load will find it.
        Err(StoreError::Busy { .. }) => return Ok(()),
        locked => locked?,
    }
    let requested = request_list(claim, client, now).await;
    claim.unlock_all().await?;
    requested
}

async fn is_fresh(
    claim: &Claim,
    provider: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, PipelineError> {
    let listed_at = claim.vehicles_listed_at(provider).await?;
    Ok(listed_at.is_some_and(|at| now - at < MAX_LIST_AGE))
}

async fn request_list(
    claim: &Claim,
    client: &MdsClient,
    now: DateTime<Utc>,
) -> Result<(), PipelineError> {
    let provider = client.config().provider_id;
    if is_fresh(claim, provider, now).await? {
        return Ok(());
    }
    let response = client.fetch_vehicles(Fleet::default).await;
    // Recorded for a failed request too, so that not every block of a backfill repeats it.
    claim.mark_vehicles_listed(provider, now).await?;
    let fleet = response?;
    for batch in fleet.vehicles.chunks(BATCH) {
        claim.store_vehicles(provider, now, batch).await?;
    }
    let max = i64::try_from(MAX_LOOKUPS).unwrap_or(i64::MAX);
    let wanted = claim
        .wanted_devices(provider, now - LOOKUP_PAUSE, max)
        .await?;
    request_each(claim, client, now, &wanted).await?;
    let reopened = claim.reopen_for_vehicles(provider).await?;
    tracing::info!(
        vehicles.listed = fleet.vehicles.len(),
        vehicles.without_id = fleet.without_id,
        blocks.reopened = reopened,
        "vehicle list stored"
    );
    Ok(())
}

/// Requests the unknown devices of the hour's trips.
pub(super) async fn look_up(
    claim: &Claim,
    client: &MdsClient,
    referenced: &ReferencedIds,
    now: DateTime<Utc>,
) -> Result<(), PipelineError> {
    let provider = client.config().provider_id;
    let devices: Vec<Uuid> = referenced.devices.iter().copied().collect();
    let unknown = claim
        .unknown_devices(provider, &devices, now - LOOKUP_PAUSE)
        .await?;
    let (first, rest) = unknown.split_at(unknown.len().min(MAX_LOOKUPS));
    claim.add_wanted_devices(provider, rest, None).await?;
    request_each(claim, client, now, first).await
}

async fn request_each(
    claim: &Claim,
    client: &MdsClient,
    now: DateTime<Utc>,
    devices: &[Uuid],
) -> Result<(), PipelineError> {
    let provider = client.config().provider_id;
    let mut unknown = Vec::new();
    for device in devices {
        let response = client.fetch_vehicle(*device, Fleet::default).await?;
        let mut vehicles = response.map(|fleet| fleet.vehicles).unwrap_or_default();
        vehicles.retain(|vehicle| vehicle.device_id == *device);
        if vehicles.is_empty() {
            unknown.push(*device);
        }
        claim.store_vehicles(provider, now, &vehicles).await?;
    }
    claim
        .add_wanted_devices(provider, &unknown, Some(now))
        .await?;
    Ok(())
}
