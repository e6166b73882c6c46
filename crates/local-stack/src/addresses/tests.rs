use std::collections::BTreeMap;

use serde_json::json;

use super::Addresses;

#[test]
fn addresses_of_former_starts_are_renewed_wherever_they_are() {
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let owned = pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        owned.collect()
    };
    let addresses = Addresses {
        former: map(&[
            ("127.0.0.1:1000", "portal"),
            ("127.0.0.1:2000", "provider bird"),
            ("127.0.0.1:2001", "provider bird"),
            ("127.0.0.1:3000", "provider gone"),
        ]),
        present: map(&[
            ("portal", "127.0.0.1:11"),
            ("provider bird", "127.0.0.1:12"),
        ]),
    };
    let stored = json!({
        "SOCRATA_DATA_ENDPOINT": "http://127.0.0.1:1000/",
        "SOCRATA_CHUNK_ROWS": 7,
        "bird": {"mds_api_url": "http://127.0.0.1:2000/mds/?a=1", "lag_hours": 3},
        "copy": {"links": ["127.0.0.1:2001 and 127.0.0.1:2000"]},
        "gone": "http://127.0.0.1:3000",
        "others": ["http://127.0.0.1:10001", "http://127.0.0.1:9", "http://proxy:1000", "127.0.0.1:"],
    });
    assert_eq!(
        addresses.renewed(stored),
        json!({
            "SOCRATA_DATA_ENDPOINT": "http://127.0.0.1:11/",
            "SOCRATA_CHUNK_ROWS": 7,
            "bird": {"mds_api_url": "http://127.0.0.1:12/mds/?a=1", "lag_hours": 3},
            "copy": {"links": ["127.0.0.1:12 and 127.0.0.1:12"]},
            "gone": "http://127.0.0.1:3000",
            "others": ["http://127.0.0.1:10001", "http://127.0.0.1:9", "http://proxy:1000", "127.0.0.1:"],
        })
    );
}
