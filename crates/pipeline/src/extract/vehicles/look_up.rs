//! Devices that are requested one by one, because no list has had them.

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use mds_client::{MdsClient, TripSink};
use serde_json::value::RawValue;
use store::{Claim, WantedDevice};
use tokio::time::{Instant, timeout_at};
use trips::vehicle::Vehicle;
use uuid::Uuid;

use super::{LOOK_UP_SHARES, ListTurn};
use crate::error::{ErrorName, PipelineError};
use crate::extract::referenced_ids::ReferencedIds;
use crate::extract::side_time::SideTime;

/// How long to wait before a device that the provider did not know is requested again.
const PAUSE: TimeDelta = TimeDelta::hours(24);
/// How many devices one block requests by themselves; the others wait for the next block.
const MAX_LOOK_UPS: usize = 100;
/// How long one look-up may take, so that a device that is never answered does not keep all others
/// from being requested.
const MAX_TIME: Duration = Duration::from_secs(60);
/// After this many failures the others wait for the next block.
const MAX_FAILURES: usize = 3;

/// Requests the unknown devices of the hour's trips and, with the list, those that earlier blocks
/// left. Each is recorded as soon as the provider has answered.
///
/// # Errors
///
/// The first failure. The other devices are requested all the same, unless there are many failures.
pub(super) async fn look_up(
    claim: &Claim,
    client: &MdsClient,
    referenced: &ReferencedIds,
    turn: ListTurn,
    time: SideTime,
) -> Result<(), PipelineError> {
    let provider = client.config().provider_id;
    let asked_before = Utc::now() - PAUSE;
    let mut devices = claim
        .unknown_devices(provider, &referenced.devices(), asked_before)
        .await?;
    // Recorded before the first request, so that none is forgotten if the process ends.
    claim.add_wanted_devices(provider, &devices, None).await?;
    match turn {
        ListTurn::Elsewhere => return Ok(()),
        ListTurn::Fresh => {}
        ListTurn::Ours => {
            let known: HashSet<Uuid> = devices.iter().map(|it| it.device_id).collect();
            let max = i64::try_from(MAX_LOOK_UPS + known.len()).unwrap_or(i64::MAX);
            let wanted = claim.wanted_devices(provider, asked_before, max).await?;
            devices.extend(
                wanted
                    .into_iter()
                    .filter(|it| !known.contains(&it.device_id)),
            );
        }
    }
    devices.truncate(MAX_LOOK_UPS);
    let until = time.share(LOOK_UP_SHARES);
    request_each(claim, client, &devices, until).await
}

async fn request_each(
    claim: &Claim,
    client: &MdsClient,
    devices: &[WantedDevice],
    until: Instant,
) -> Result<(), PipelineError> {
    let mut failures = Vec::new();
    for (n, device) in devices.iter().enumerate() {
        if Instant::now() >= until {
            failures.push(out_of_time(n, devices.len()));
            break;
        }
        match request(claim, client, device, until).await? {
            Answer::Recorded => {}
            Answer::OutOfTime => {
                failures.push(out_of_time(n, devices.len()));
                break;
            }
            Answer::Failed(error) => {
                let is_throttled = error.name == ErrorName::ProviderThrottled;
                failures.push(error);
                if is_throttled || failures.len() == MAX_FAILURES {
                    break;
                }
            }
        }
    }
    failures.into_iter().next().map_or(Ok(()), Err)
}

/// How a look-up ended.
enum Answer {
    /// The vehicle is stored, or the device is recorded as unknown.
    Recorded,
    /// The provider failed. Unless it asked for a pause, the device waits as if it were unknown, so
    /// that it does not keep others from being requested.
    Failed(PipelineError),
    /// The time of all look-ups is up.
    OutOfTime,
}

/// # Errors
///
/// Those of the database.
async fn request(
    claim: &Claim,
    client: &MdsClient,
    device: &WantedDevice,
    until: Instant,
) -> Result<Answer, PipelineError> {
    let provider = client.config().provider_id;
    let requested_at = Utc::now();
    let own_end = Instant::now() + MAX_TIME;
    let uuid = device.device_id.to_string();
    let sent_id = device.sent_id.as_deref().unwrap_or(&uuid);
    let make_sink = || OneVehicle {
        provider_ids: client.config().provider_ids.clone(),
        device_id: device.device_id,
        found: None,
    };
    let fetched = client.fetch_vehicle(sent_id, make_sink);
    let error = match timeout_at(own_end.min(until), fetched).await {
        Ok(Ok(sink)) => {
            if let Some(vehicle) = sink.and_then(|sink| sink.found) {
                claim
                    .store_vehicles(provider, requested_at, &[vehicle])
                    .await?;
                return Ok(Answer::Recorded);
            }
            None
        }
        Ok(Err(error)) => Some(PipelineError::from(error)),
        Err(_) if own_end <= until => Some(no_response()),
        Err(_) => return Ok(Answer::OutOfTime),
    };
    let is_throttled = matches!(&error, Some(error) if error.name == ErrorName::ProviderThrottled);
    if !is_throttled {
        let asked_at = Some(requested_at);
        claim
            .add_wanted_devices(provider, std::slice::from_ref(device), asked_at)
            .await?;
    }
    Ok(error.map_or(Answer::Recorded, Answer::Failed))
}

fn no_response() -> PipelineError {
    PipelineError::new(
        ErrorName::ProviderUnavailable,
        format!(
            "the provider did not say within {} s what a vehicle is",
            MAX_TIME.as_secs()
        ),
    )
}

fn out_of_time(answered: usize, of: usize) -> PipelineError {
    PipelineError::new(
        ErrorName::ProviderUnavailable,
        format!(
            "the time for single vehicles was up after {answered} of {of}; the others are requested with later blocks"
        ),
    )
}

/// Keeps the record of one device.
struct OneVehicle {
    provider_ids: Vec<Uuid>,
    device_id: Uuid,
    found: Option<Vehicle>,
}

impl TripSink for OneVehicle {
    fn begin(&mut self, _version: &str) -> io::Result<()> {
        Ok(())
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        let vehicle = Vehicle::read(raw, &self.provider_ids);
        if let Some(vehicle) = vehicle.filter(|it| it.device_id == self.device_id) {
            self.found = Some(vehicle);
        }
        Ok(())
    }
}
