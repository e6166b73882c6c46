//! A record of the list of vehicles of MDS 2.0.

use serde_json::value::RawValue;
use trips::fixtures::PROVIDER_ID;
use trips::vehicle::Vehicle;

use crate::json::Members;

pub(super) const WORDS: &[&str] = &[
    "device_id",
    "provider_id",
    "vehicle_id",
    "vehicle_type",
    "propulsion_types",
    "propulsion_type",
    "scooter",
    "0309585e-599f-4e57-ac85-ffffffffffff",
    "104865",
    "electric",
];

/// The longest text that is kept.
const MAX_TEXT_BYTES: usize = 1024;

pub(super) fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let Ok(raw) = serde_json::from_str::<&RawValue>(text) else {
        return;
    };
    let vehicle = Vehicle::read(raw, &[PROVIDER_ID]);
    if let Some(vehicle) = &vehicle {
        assert!(
            raw.get().starts_with('{'),
            "a record that is no object is kept"
        );
        assert!(vehicle.record == raw.get() || vehicle.record == "null");
        let texts = [
            &vehicle.vehicle_id,
            &vehicle.vehicle_type,
            &vehicle.propulsion_type,
        ];
        for text in texts.into_iter().flatten() {
            assert!(!text.is_empty() && !text.contains('\0'));
            assert!(text.len() <= MAX_TEXT_BYTES);
        }
    }
    let Some(members) = Members::read(raw.get()).filter(|members| !members.repeats()) else {
        return;
    };
    let mut other = String::from("{\"zz\":{}");
    for (name, value) in members.0.iter().rev() {
        other.push_str(&format!(
            ",{}:{value}",
            serde_json::Value::from(name.as_str())
        ));
    }
    other.push('}');
    let other: Box<RawValue> = serde_json::from_str(&other).unwrap();
    let other = Vehicle::read(&other, &[PROVIDER_ID]);
    let without_record = |vehicle: Vehicle| Vehicle {
        record: String::new(),
        ..vehicle
    };
    assert_eq!(
        other.map(without_record),
        vehicle.map(without_record),
        "another vehicle in another order"
    );
}
