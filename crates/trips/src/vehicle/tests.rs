//! Records of vehicles, complete and incomplete.

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
fn missing_and_mistyped_members_are_none() {
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
fn a_record_without_a_uuid_is_none() {
    for json in ["{}", "7", r#"{"device_id":"x"}"#, r#"{"device_id":7}"#] {
        assert_eq!(read(json), None, "{json}");
    }
}
