//! The vehicles of a provider.

use std::sync::atomic::{AtomicBool, Ordering};

use rand::Rng;
use serde::Serialize;
use uuid::Uuid;

use super::MdsVersion;
use super::options::ProviderOptions;
use super::quirk::Quirk;
use super::sketch::{Purpose, random, uuid};
use super::trip::Id;

/// A vehicle of the fleet. The same number always gives the same vehicle.
#[derive(Clone, Debug)]
pub(super) struct Vehicle {
    pub(super) id: Uuid,
    number: u64,
    pub(super) kind: &'static str,
    pub(super) propulsion: &'static str,
    pub(super) metres_per_second: f64,
    /// A random number from 0 to 1, which decides whether the vehicle is listed.
    roll: f64,
}

#[derive(Serialize)]
struct Record<'a> {
    device_id: Id,
    provider_id: Uuid,
    vehicle_id: Plate,
    vehicle_type: &'a str,
    propulsion_types: [&'a str; 1],
    vehicle_attributes: Attributes,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Plate {
    Text(String),
    Number(u64),
}

#[derive(Serialize)]
struct Attributes {
    year: u16,
    make: &'static str,
}

impl Vehicle {
    pub(super) fn of(options: &ProviderOptions, number: u64) -> Self {
        let mut random = random(options, Purpose::Device, 0, number);
        let id = uuid(&mut random);
        let (kind, propulsion, speeds) = match random.random_range(0..100) {
            0..8 if options.version >= MdsVersion::V1_2 => {
                ("cargo_bicycle", "electric_assist", 2.8..4.5)
            }
            0..5 if has_mopeds(options) => ("moped", "electric", 6.0..9.0),
            0..30 => ("bicycle", "electric_assist", 3.0..5.0),
            _ => (scooter(options.version, number), "electric", 2.6..4.6),
        };
        Self {
            id,
            number,
            kind,
            propulsion,
            metres_per_second: random.random_range(speeds),
            roll: random.random(),
        }
    }

    /// The number on the vehicle.
    pub(super) fn plate(number: u64) -> String {
        format!("M{:05}", number + 1)
    }

    /// The id that the provider uses.
    pub(super) fn sent_id(&self, options: &ProviderOptions) -> Id {
        Id::of(options, self.id, self.number)
    }

    /// The same vehicle with another type.
    pub(super) fn mistaken(self) -> Self {
        Self {
            kind: if self.kind == "car" { "truck" } else { "car" },
            ..self
        }
    }

    /// The record of 2.0, as JSON text.
    pub(super) fn record(&self, options: &ProviderOptions) -> Result<String, serde_json::Error> {
        let is_number = options.quirks.has(Quirk::NumericVehicleIds);
        serde_json::to_string(&Record {
            device_id: self.sent_id(options),
            provider_id: options.provider_id,
            vehicle_id: if is_number {
                Plate::Number(self.number + 1)
            } else {
                Plate::Text(Self::plate(self.number))
            },
            vehicle_type: self.kind,
            propulsion_types: [self.propulsion],
            vehicle_attributes: Attributes {
                year: 2021,
                make: "Heron",
            },
        })
    }
}

/// 0.4.1 introduced mopeds. The provider is 0.4.1 if it has version 0.4 and no pages.
fn has_mopeds(options: &ProviderOptions) -> bool {
    options.version > MdsVersion::V0_4
        || (options.version == MdsVersion::V0_4 && options.page_size.is_none())
}

/// 2.0 has two types of scooter.
fn scooter(version: MdsVersion, number: u64) -> &'static str {
    if !version.is_flat() {
        "scooter"
    } else if number.is_multiple_of(3) {
        "scooter_seated"
    } else {
        "scooter_standing"
    }
}

/// Which vehicles of the fleet `/vehicles` returns.
#[derive(Debug, Default)]
pub(super) struct Register {
    lists_all: AtomicBool,
}

impl Register {
    /// Lists every vehicle from now on.
    pub(super) fn list_all(&self) {
        self.lists_all.store(true, Ordering::Relaxed);
    }

    /// Whether the list of all vehicles contains the vehicle.
    pub(super) fn is_listed(&self, options: &ProviderOptions, vehicle: &Vehicle) -> bool {
        let unlisted = options.unlisted_vehicles + options.unknown_vehicles;
        self.lists_all.load(Ordering::Relaxed) || vehicle.roll >= unlisted
    }

    /// Whether a request for the vehicle by its id finds it.
    pub(super) fn is_known(&self, options: &ProviderOptions, vehicle: &Vehicle) -> bool {
        self.lists_all.load(Ordering::Relaxed) || vehicle.roll >= options.unknown_vehicles
    }
}
