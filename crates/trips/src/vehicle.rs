//! A vehicle of MDS 2.0, whose trips contain only the id of the device.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// The part of a record of `/vehicles` of MDS 2.0 that trips need. Members that are missing or have
/// another type are `None`, because a trip is loaded without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vehicle {
    /// The device's id, which trips refer to.
    pub device_id: Uuid,
    /// The number printed on the vehicle.
    pub vehicle_id: Option<String>,
    /// MDS vehicle type, as it was sent.
    pub vehicle_type: Option<String>,
    /// MDS propulsion types, joined with `,`.
    pub propulsion_type: Option<String>,
    /// The whole record, as it was sent.
    pub record: String,
}

#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow)]
    device_id: Cow<'a, str>,
    #[serde(borrow)]
    vehicle_id: Option<&'a RawValue>,
    #[serde(borrow)]
    vehicle_type: Option<&'a RawValue>,
    #[serde(borrow)]
    propulsion_types: Option<&'a RawValue>,
}

impl Vehicle {
    /// Reads a record. `None` if its device id is not a UUID, because no trip can refer to it.
    #[must_use]
    pub fn read(record: &RawValue) -> Option<Self> {
        let sent: Sent<'_> = serde_json::from_str(record.get()).ok()?;
        let text = |raw: Option<&RawValue>| {
            let text: String = serde_json::from_str(raw?.get()).ok()?;
            // Postgres cannot store NUL.
            Some(text.replace('\0', "\u{fffd}"))
        };
        let types = sent
            .propulsion_types
            .and_then(|raw| serde_json::from_str::<Vec<String>>(raw.get()).ok())
            .map(|types| types.join(",").replace('\0', "\u{fffd}"));
        Some(Self {
            device_id: Uuid::parse_str(&sent.device_id).ok()?,
            vehicle_id: text(sent.vehicle_id).filter(|id| !id.is_empty()),
            vehicle_type: text(sent.vehicle_type).filter(|kind| !kind.is_empty()),
            propulsion_type: types.filter(|types| !types.is_empty()),
            record: record.get().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
