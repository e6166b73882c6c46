use super::*;

fn device(n: u128, provider: u128) -> Device {
    Device {
        device_id: Uuid::from_u128(n),
        provider_id: Uuid::from_u128(provider),
        public_id: Uuid::from_u128(!n),
    }
}

#[test]
fn a_device_has_the_id_of_the_table_or_its_own() {
    let devices = [device(1, 1), device(1, 2), device(2, 1), device(4, 1)];
    let of_table = Uuid::from_u128(77);
    let ids = DeviceIds {
        others: HashMap::from([(devices[1].key(), Some(of_table)), (devices[2].key(), None)]),
        devices: Arc::from(devices),
    };
    let of = |n, provider| ids.of(Uuid::from_u128(n), Uuid::from_u128(provider));
    assert_eq!(of(1, 1), Some(devices[0].public_id));
    assert_eq!(of(1, 2), Some(of_table));
    assert_eq!(of(2, 1), None, "the table has none");
    assert_eq!(of(4, 1), Some(devices[3].public_id));
    assert_eq!(of(3, 1), None, "another load's");
}
