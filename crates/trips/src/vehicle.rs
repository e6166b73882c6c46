//! A vehicle of MDS 2.0, whose trips contain only the id of the device.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::json::object_in;
use crate::trip;

/// The largest record that is kept as it was sent. A usual one has a few hundred bytes.
const MAX_RECORD_BYTES: usize = 64 * 1024;
/// The largest number, type or list of propulsion types that is kept.
const MAX_TEXT_BYTES: usize = 1024;

/// The part of a record of `/vehicles` of MDS 2.0 that trips need. Members that are missing, have
/// another type or are longer than any real one are `None`, because a trip is loaded without them.
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
    /// The whole record, as it was sent; `null` if it is larger than 64 KiB.
    pub record: String,
}

#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow)]
    device_id: &'a RawValue,
    #[serde(borrow)]
    provider_id: Option<&'a RawValue>,
    #[serde(borrow)]
    vehicle_id: Option<&'a RawValue>,
    #[serde(borrow)]
    vehicle_type: Option<&'a RawValue>,
    #[serde(borrow)]
    propulsion_types: Option<&'a RawValue>,
    /// The name in versions before 1.0.
    #[serde(borrow)]
    propulsion_type: Option<&'a RawValue>,
    mds_etl_not_json: Option<IgnoredAny>,
}

impl Vehicle {
    /// Reads a record of the provider with these ids, of which the first is its own. `None` if its
    /// device id is neither a UUID nor a whole number, because no trip can refer to it, if the
    /// record was no JSON, which would take the place of one with more members, and if it names
    /// another provider, whose trips are rejected.
    ///
    /// A whole number becomes the UUID that it becomes in a trip. If the record names its provider,
    /// as a trip does, that one counts.
    #[must_use]
    pub fn read(record: &RawValue, provider_ids: &[Uuid]) -> Option<Self> {
        let sent: Sent<'_> = object_in(record.get()).ok()?;
        if sent.mds_etl_not_json.is_some() {
            return None;
        }
        let provider_id = trip::provider_of(sent.provider_id, *provider_ids.first()?);
        if !provider_ids.contains(&provider_id) {
            return None;
        }
        let device_id = trip::id(sent.device_id, provider_id)?.uuid;
        let types = sent
            .propulsion_types
            .or(sent.propulsion_type)
            .and_then(|raw| serde_json::from_str::<Vec<String>>(raw.get()).ok())
            .map(|types| types.join(","));
        let is_kept = record.get().len() <= MAX_RECORD_BYTES;
        Some(Self {
            device_id,
            vehicle_id: sent
                .vehicle_id
                .and_then(|raw| text(raw).or_else(|| number(raw)))
                .and_then(|text| storable(&text)),
            vehicle_type: sent
                .vehicle_type
                .and_then(text)
                .and_then(|text| storable(&text)),
            propulsion_type: types.and_then(|types| storable(&types)),
            record: if is_kept { record.get() } else { "null" }.to_owned(),
        })
    }
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// The digits of a number: some providers send the number on the vehicle as one.
fn number(raw: &RawValue) -> Option<String> {
    serde_json::from_str::<serde_json::Number>(raw.get()).ok()?;
    Some(raw.get().to_owned())
}

fn storable(text: &str) -> Option<String> {
    // Postgres cannot store NUL.
    let is_usable = !text.is_empty() && text.len() <= MAX_TEXT_BYTES && !text.contains('\0');
    is_usable.then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
