use serde_json::json;

use super::carried_over;

#[test]
fn what_others_have_put_stays_and_addresses_are_those_of_the_last_start() {
    let first = json!({
        "bird": {"url": "http://h:1", "login": {"type": "bearer", "token": "t"}},
        "lime": {"url": "http://h:2"},
        "gone": {"url": "http://h:3"},
        "demo": {"url": "http://h:3"},
    });
    let stored = json!({
        "bird": {"url": "http://h:1", "login": {"type": "basic", "token": "t"}, "lag_hours": 3},
        "lime": {"url": "http://proxy:9"},
        "zed": {"url": "http://h:4"},
        "demo": {"url": "http://h:3"},
    });
    let new = json!({
        "bird": {"url": "http://h:5", "login": {"type": "bearer", "token": "u"}},
        "lime": {"url": "http://h:6"},
        "gone": {"url": "http://h:7"},
        "more": {"url": "http://h:8"},
    });
    assert_eq!(
        carried_over(&stored, &[&first], &new),
        json!({
            "bird": {"url": "http://h:5", "login": {"type": "basic", "token": "u"}, "lag_hours": 3},
            "lime": {"url": "http://proxy:9"},
            "zed": {"url": "http://h:4"},
            "more": {"url": "http://h:8"},
        })
    );
}

#[test]
fn a_folder_of_an_earlier_version_keeps_what_has_other_names() {
    let stored = json!({"bird": {"url": "http://h:1"}, "zed": {"url": "http://h:4"}});
    let new = json!({"bird": {"url": "http://h:5"}});
    assert_eq!(
        carried_over(&stored, &[], &new),
        json!({"bird": {"url": "http://h:5"}, "zed": {"url": "http://h:4"}})
    );
}
