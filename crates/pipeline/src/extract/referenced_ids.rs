//! The ids in an hour's trips for which 2.0 keeps more data elsewhere.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::WantedDevice;
use trips::json::object_in;
use trips::trip::{id, instant, provider_of};
use uuid::Uuid;

/// The devices and trips of an hour, and when the first trip began.
#[derive(Debug, Clone)]
pub(super) struct ReferencedIds {
    /// The provider's id, as configured.
    provider: Uuid,
    /// Each device with the whole number that the provider uses in place of its id, if it does.
    devices: HashMap<Uuid, Option<u128>>,
    pub(super) trips: HashSet<Uuid>,
    pub(super) earliest: Option<DateTime<Utc>>,
}

impl ReferencedIds {
    pub(super) fn of(provider: Uuid) -> Self {
        Self {
            provider,
            devices: HashMap::new(),
            trips: HashSet::new(),
            earliest: None,
        }
    }

    /// Whether there is a device or a trip.
    pub(super) fn has_any(&self) -> bool {
        !self.devices.is_empty() || !self.trips.is_empty()
    }

    /// Adds the ids in a trip's JSON text. A trip that cannot be read is skipped here; the load
    /// rejects it with a reason.
    pub(super) fn push(&mut self, trip: &str) {
        #[derive(Deserialize)]
        struct Sent<'a> {
            #[serde(borrow)]
            provider_id: Option<&'a RawValue>,
            #[serde(borrow)]
            device_id: Option<&'a RawValue>,
            #[serde(borrow)]
            trip_id: Option<&'a RawValue>,
            #[serde(borrow)]
            start_time: Option<&'a RawValue>,
        }
        let Ok(sent) = object_in::<Sent<'_>>(trip) else {
            return;
        };
        let provider = provider_of(sent.provider_id, self.provider);
        let read = |raw: Option<&RawValue>| id(raw?, provider);
        let device = read(sent.device_id);
        self.devices
            .extend(device.map(|device| (device.uuid, device.integer)));
        self.trips.extend(read(sent.trip_id).map(|trip| trip.uuid));
        let start = sent.start_time.and_then(instant);
        self.earliest = match (self.earliest, start) {
            (Some(earliest), Some(start)) => Some(earliest.min(start)),
            (earliest, start) => earliest.or(start),
        };
    }

    /// The devices, to be requested by themselves.
    pub(super) fn devices(&self) -> Vec<WantedDevice> {
        self.devices
            .iter()
            .map(|(device_id, integer)| WantedDevice {
                device_id: *device_id,
                sent_id: integer.map(|id| id.to_string()),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
