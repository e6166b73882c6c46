//! Records of vehicles, complete and incomplete.

use proptest::prelude::*;

use super::*;
use crate::fixtures;

const PROVIDER: Uuid = Uuid::from_u128(0x0309_585e_599f_4e57_ac85_ffff_ffff_ffff);
const OTHER: &str = "7d8a3c5e-52a4-4d0f-9b1e-6f2091c3a857";

fn read(json: &str) -> Option<Vehicle> {
    read_of(&[PROVIDER], json)
}

fn read_of(provider_ids: &[Uuid], json: &str) -> Option<Vehicle> {
    Vehicle::read(serde_json::from_str(json).unwrap(), provider_ids)
}

fn device_id(json: &str) -> String {
    read(json).unwrap().device_id.to_string()
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
        r#"{"device_id":"0309585e-599f-4e57-ac85-0123456789ab","vehicle_id":[7],"vehicle_type":null,
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

/// As in a trip, either name is read in any version.
#[test]
fn the_propulsion_types_may_have_their_older_name() {
    for (members, read_as) in [
        (
            r#""propulsion_type":["electric","human"]"#,
            Some("electric,human"),
        ),
        (
            r#""propulsion_types":["electric"],"propulsion_type":["human"]"#,
            Some("electric"),
        ),
        (
            r#""propulsion_types":null,"propulsion_type":["human"]"#,
            Some("human"),
        ),
        (r#""propulsion_type":"human""#, None),
    ] {
        let json = format!(r#"{{"device_id":"{OTHER}",{members}}}"#);
        let vehicle = read(&json).unwrap();
        assert_eq!(vehicle.propulsion_type.as_deref(), read_as, "{json}");
    }
}

/// As in a trip: no database has it, and part of a number is another number.
#[test]
fn a_text_with_nul_is_none() {
    let json = format!(
        r#"{{"device_id":"{OTHER}","vehicle_id":"a\u0000b","vehicle_type":"\u0000moped","propulsion_types":["a\u0000"]}}"#
    );
    let vehicle = read(&json).unwrap();
    let found = (
        vehicle.vehicle_id,
        vehicle.vehicle_type,
        vehicle.propulsion_type,
    );
    assert_eq!(found, (None, None, None));
}

#[test]
fn a_record_of_a_provider_that_the_entry_does_not_name_is_none() {
    let json = format!(r#"{{"device_id":"{OTHER}","provider_id":"{OTHER}"}}"#);
    assert_eq!(read(&json), None);
}

#[test]
fn a_number_on_the_vehicle_that_is_sent_as_a_number_keeps_its_digits() {
    for (sent, kept) in [("1234", "1234"), ("12.50", "12.50"), ("\"0012\"", "0012")] {
        let json = format!(r#"{{"device_id":"{OTHER}","vehicle_id":{sent}}}"#);
        assert_eq!(read(&json).unwrap().vehicle_id.as_deref(), Some(kept));
    }
}

#[test]
fn a_record_without_an_id_is_none() {
    for json in [
        "{}",
        "7",
        r#"{"device_id":"x"}"#,
        r#"{"device_id":null}"#,
        r#"{"device_id":1.5}"#,
        r#"{"device_id":-1}"#,
        r#"{"device_id":[7]}"#,
    ] {
        assert_eq!(read(json), None, "{json}");
    }
}

#[test]
fn a_whole_number_is_a_device_of_the_provider_that_the_record_names() {
    let expected = "0309585e-599f-4e57-ac85-fffffff199a1";
    assert_eq!(device_id(r#"{"device_id":104865}"#), expected);
    assert_eq!(device_id(r#"{"device_id":"104865"}"#), expected);
    for unusable in ["null", "7", "\"Heron\""] {
        let json = format!(r#"{{"device_id":104865,"provider_id":{unusable}}}"#);
        assert_eq!(device_id(&json), expected, "{json}");
    }
    let json = format!(r#"{{"device_id":104865,"provider_id":"{OTHER}"}}"#);
    let vehicle = read_of(&[PROVIDER, OTHER.parse().unwrap()], &json).unwrap();
    assert_eq!(
        vehicle.device_id.to_string(),
        "7d8a3c5e-52a4-4d0f-9b1e-6f2091c199a1"
    );
}

proptest! {
    #[test]
    fn a_vehicle_has_the_same_device_id_as_its_trips(number: u64, is_text: bool) {
        let id = if is_text {
            serde_json::json!(number.to_string())
        } else {
            serde_json::json!(number)
        };
        let mut trip = fixtures::trip();
        trip["device_id"] = id.clone();
        let trip = fixtures::rules().check(&trip.to_string()).unwrap();
        let record = serde_json::json!({"device_id": id, "provider_id": fixtures::PROVIDER});
        prop_assert_eq!(read(&record.to_string()).unwrap().device_id, trip.device_id);
    }
}

#[test]
fn what_is_longer_than_any_real_value_is_left_out() {
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let huge = "y".repeat(MAX_RECORD_BYTES);
    let json = format!(
        r#"{{"device_id":"{OTHER}","vehicle_id":"{long}","vehicle_type":"moped","note":"{huge}"}}"#
    );
    let vehicle = read(&json).unwrap();
    assert_eq!(vehicle.vehicle_id, None);
    assert_eq!(vehicle.vehicle_type.as_deref(), Some("moped"));
    assert_eq!(vehicle.record, "null");
}
