//! A vehicle of MDS 2.0, whose trips name only the device.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// What `/vehicles` of MDS 2.0 says of a device, as far as a trip needs it. Members that are not
/// there, or of another type, are `None`: a trip is loaded without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vehicle {
    /// The device, as trips name it.
    pub device_id: Uuid,
    /// The number seen on the vehicle.
    pub vehicle_id: Option<String>,
    /// MDS vehicle type, as sent.
    pub vehicle_type: Option<String>,
    /// MDS propulsion types, joined with `,`.
    pub propulsion_type: Option<String>,
    /// The whole record, as sent.
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
    /// Reads a record; `None` for one without a UUID for its device, which no trip can name.
    #[must_use]
    pub fn read(record: &RawValue) -> Option<Self> {
        let sent: Sent<'_> = serde_json::from_str(record.get()).ok()?;
        let text = |raw: Option<&RawValue>| {
            let text: String = serde_json::from_str(raw?.get()).ok()?;
            // What Postgres cannot hold.
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
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Vehicle> {
        Vehicle::read(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn reads_what_a_trip_needs_and_keeps_the_rest() {
        let json = r#"{"device_id":"0309585E-599F-4E57-AC85-0123456789AB","vehicle_id":"M1","new":[1],
            "vehicle_type":"scooter_standing","propulsion_types":["electric","human"]}"#;
        let vehicle = read(json).unwrap();
        assert_eq!(
            vehicle.device_id.to_string(),
            "0309585e-599f-4e57-ac85-0123456789ab"
        );
        assert_eq!(vehicle.vehicle_id.as_deref(), Some("M1"));
        assert_eq!(vehicle.vehicle_type.as_deref(), Some("scooter_standing"));
        assert_eq!(vehicle.propulsion_type.as_deref(), Some("electric,human"));
        assert_eq!(vehicle.record, json);
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_left_out() {
        let vehicle = read(
            r#"{"device_id":"0309585e-599f-4e57-ac85-0123456789ab","vehicle_id":7,"vehicle_type":null,
            "propulsion_types":"electric"}"#,
        )
        .unwrap();
        let found = (
            vehicle.vehicle_id,
            vehicle.vehicle_type,
            vehicle.propulsion_type,
        );
        assert_eq!(found, (None, None, None));
    }

    #[test]
    fn a_record_that_no_trip_can_name_is_none() {
        for json in ["{}", "7", r#"{"device_id":"x"}"#, r#"{"device_id":7}"#] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
