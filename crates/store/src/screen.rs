//! [`Screen`]: what is seen of a load's trips while they are encoded, so that the database need not
//! look for it.

use std::sync::Arc;

use uuid::Uuid;

use crate::copy::LoadRow;
use crate::devices::{Device, ManyDevices};

/// The most trips that are noted, at 80 bytes each. Of a larger load nothing is noted.
const MAX_TRIPS: usize = 200_000;
/// A load with so many devices or more inserts them over a connection of their own, while it goes
/// on. They are no fewer than [`MANY_TRIPS`](crate::upsert::MANY_TRIPS).
const MANY_DEVICES: usize = 2_000;

/// Looks at the trips of a load, as long as they are not too many.
#[derive(Debug, Default)]
pub struct Screen {
    trips: Vec<Uuid>,
    /// Each trip's device, and its start and end in microseconds.
    rides: Vec<(Device, i64, i64)>,
    is_over: bool,
}

impl Screen {
    /// Looks at a trip.
    pub fn add(&mut self, row: &LoadRow<'_>) {
        if self.is_over {
            return;
        }
        if self.trips.len() == MAX_TRIPS {
            *self = Self {
                is_over: true,
                ..Self::default()
            };
            return;
        }
        let trip = row.trip;
        let device = Device {
            device_id: trip.device_id,
            provider_id: trip.provider_id,
            public_id: row.device_public_id,
        };
        let (start, end) = (
            trip.start_time.timestamp_micros(),
            trip.end_time.timestamp_micros(),
        );
        self.trips.push(trip.trip_id);
        self.rides.push((device, start, end));
    }

    /// What has been seen.
    #[must_use]
    pub fn finish(mut self) -> Screened {
        if self.is_over {
            return Screened::default();
        }
        self.trips.sort_unstable();
        self.rides.sort_unstable();
        let repeated = self.trips.windows(2).filter(|pair| pair[0] == pair[1]);
        let of_a_device = |a: &(Device, i64, i64), b: &(Device, i64, i64)| a.0 == b.0;
        let rides = self.rides.chunk_by(of_a_device);
        let overlapping = rides.clone().filter(|rides| overlap(rides));
        Screened {
            repeated: Some(repeated.map(|pair| pair[0]).collect()),
            overlapping: Some(overlapping.map(|rides| rides[0].0.device_id).collect()),
            devices: Some(rides.map(|rides| rides[0].0).collect()),
        }
    }
}

/// Whether one of a device's rides, in the order of their starts, starts before the end of another
/// one.
fn overlap(rides: &[(Device, i64, i64)]) -> bool {
    let mut last_end = i64::MIN;
    rides.iter().any(|(_, start, end)| {
        let overlaps = last_end > *start;
        last_end = last_end.max(*end);
        overlaps
    })
}

/// What is known of the trips of a load. By default it is nothing.
#[derive(Debug, Clone, Default)]
pub struct Screened {
    /// The trips that may have several deliveries; `None` if any may.
    pub(crate) repeated: Option<Vec<Uuid>>,
    /// The devices whose trips may overlap; `None` if those of any may.
    pub(crate) overlapping: Option<Vec<Uuid>>,
    /// The devices; `None` if they are not known.
    devices: Option<Arc<[Device]>>,
}

impl Screened {
    /// The devices, if it pays to insert them over a connection of their own.
    pub(crate) fn many_devices(&self) -> Option<ManyDevices> {
        let devices = self.devices.as_ref()?;
        let are_many = devices.len() >= MANY_DEVICES;
        are_many.then(|| ManyDevices::new(Arc::clone(devices)))
    }
}

#[cfg(test)]
mod tests;
