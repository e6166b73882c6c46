//! Ids as UUIDs and as whole numbers.

use super::*;

const PROVIDER: Uuid = Uuid::from_u128(0x0309_585e_599f_4e57_ac85_ffff_ffff_ffff);

fn referenced(trips: &[&str]) -> ReferencedIds {
    let mut referenced = ReferencedIds::of(PROVIDER);
    for trip in trips {
        referenced.push(trip);
    }
    referenced
}

#[test]
fn whole_numbers_are_the_ids_that_a_load_makes_of_them() {
    let referenced = referenced(&[
        r#"{"device_id":104865,"trip_id":"1","start_time":1591014000}"#,
        r#"{"device_id":"AA5BC82B-8E2B-4A0E-8F5B-3C9D2A3B4C5D","trip_id":null,"start_time":1591013000}"#,
        r#"{"device_id":"scooter 7"}"#,
        "[]",
    ]);
    let mut devices = referenced.devices();
    devices.sort_by_key(|device| device.device_id);
    let device = |id: &str, sent_id: Option<&str>| WantedDevice {
        device_id: id.parse().unwrap(),
        sent_id: sent_id.map(ToOwned::to_owned),
    };
    assert_eq!(
        devices,
        [
            device("0309585e-599f-4e57-ac85-fffffff199a1", Some("104865")),
            device("aa5bc82b-8e2b-4a0e-8f5b-3c9d2a3b4c5d", None),
        ]
    );
    let trip = "0309585e-599f-4e57-ac85-fffffffffff1".parse().unwrap();
    assert_eq!(referenced.trips, HashSet::from([trip]));
    let earliest = referenced.earliest.unwrap().timestamp();
    assert_eq!(earliest, 1_591_013_000);
}
