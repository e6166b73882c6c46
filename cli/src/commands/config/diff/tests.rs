//! Changes are named, secrets are not.

use serde_json::json;

use super::*;

fn text(kind: Kind, before: &Value, after: &Value) -> String {
    let (before, after) = (before.to_string(), after.to_string());
    Difference::new(kind, Some(before.as_bytes()), after.as_bytes()).to_string()
}

fn bird(enabled: bool, token: &str) -> Value {
    json!({
        "mds_api_url": format!("https://mds.example.com/?key={token}"), "provider_id": "2411d395-04f2-47c9-ab66-d09e9e3c3251",
        "auth_type": "Bearer", "token": token, "enabled": enabled, "reask_hours": [24],
    })
}

#[test]
fn a_changed_secret_is_changed_and_nothing_more() {
    let found = text(
        Kind::Providers,
        &json!({"bird": bird(false, "canary-1")}),
        &json!({"bird": bird(true, "canary-2"), "lime": bird(false, "canary-3")}),
    );
    assert!(!found.contains("canary"), "{found}");
    for line in [
        "  ~ bird.token: changed",
        "  ~ bird.mds_api_url: changed",
        "  ~ bird.enabled: false -> true",
        "  + lime.token: <hidden>",
        "  + lime.reask_hours: [24]",
        "adds lime, disabled",
        "enables bird: runs over all providers include it with the hours of its last two days",
    ] {
        assert!(found.contains(line), "{line}: {found}");
    }
}

#[test]
fn the_same_values_are_no_difference_however_they_are_written() {
    let difference = Difference::new(Kind::Settings, Some(b"{\"A\":1}"), b"{ \"A\": 1 }");
    assert!(!difference.is_real());
    assert!(difference.to_string().contains("only the writing differs"));
    let difference = Difference::new(Kind::Settings, Some(b"{}"), b"{}");
    assert_eq!(difference.to_string(), "no difference\n");
}

#[test]
fn what_settings_mean_for_public_ids_is_said() {
    let found = text(
        Kind::Settings,
        &json!({"PUBLIC_ID_KEY": "canary-1", "BOUNDARIES": [{"layer": "cell", "key": "a"}]}),
        &json!({"PUBLIC_ID_KEY": "canary-2", "BOUNDARIES": [{"layer": "cell", "key": "b"}]}),
    );
    assert!(!found.contains("canary"), "{found}");
    assert!(
        found.contains("PUBLIC_ID_KEY changes: every trip"),
        "{found}"
    );
    assert!(
        found.contains("~ BOUNDARIES.0.key: \"a\" -> \"b\""),
        "{found}"
    );
}

#[test]
fn rows_that_keep_their_exact_times_are_told_of() {
    let told = "until `mds sync-socrata --force` or `mds audit --rows --repair` sends them again";
    let rounded = json!({"PUBLIC_TIME_ROUNDING_MINUTES": 15, "TIME_ZONE": "US/Central"});
    let exact = json!({"TIME_ZONE": "US/Central"});
    let zero = json!({"PUBLIC_TIME_ROUNDING_MINUTES": 0, "TIME_ZONE": "US/Central"});
    for (before, after, is_told) in [
        (&exact, &rounded, true),
        (&rounded, &exact, true),
        (&exact, &zero, false),
        (&json!({}), &rounded, false),
    ] {
        let found = text(Kind::Settings, before, after);
        assert_eq!(found.contains(told), is_told, "{found}");
    }
}

#[test]
fn devices_that_keep_their_former_ids_are_told_of() {
    let told = "rows that the portal has keep theirs until `mds sync-socrata --force` or `mds audit --rows --repair`";
    let by_day = json!({"PUBLIC_DEVICE_ID_PERIOD": "day", "TIME_ZONE": "US/Central"});
    let by_week = json!({"PUBLIC_DEVICE_ID_PERIOD": "week", "TIME_ZONE": "US/Central"});
    let by_default = json!({"TIME_ZONE": "US/Central"});
    let forever = json!({"PUBLIC_DEVICE_ID_PERIOD": " Forever", "TIME_ZONE": "US/Central"});
    for (before, after, is_told) in [
        (&by_default, &by_day, true),
        (&by_day, &by_default, true),
        (&by_day, &by_week, true),
        (&forever, &by_day, true),
        (&by_default, &forever, false),
        (&json!({}), &by_day, false),
    ] {
        let found = text(Kind::Settings, before, after);
        assert_eq!(found.contains(told), is_told, "{found}");
        assert!(!found.contains("than before"), "{found}");
    }
}

#[test]
fn a_zone_other_than_the_default_is_told_of() {
    let told = "TIME_ZONE changes: the labels of hours";
    let by_default = json!({"SOCRATA_CHUNK_ROWS": 7});
    let zone = |name: &str| json!({"SOCRATA_CHUNK_ROWS": 7, "TIME_ZONE": name});
    for (before, after, is_told) in [
        (&by_default, &zone("US/Eastern"), true),
        (&zone("US/Eastern"), &by_default, true),
        (&by_default, &zone("America/Chicago"), false),
        (&zone("America/Chicago"), &by_default, false),
        (&json!({}), &zone("US/Eastern"), false),
    ] {
        let found = text(Kind::Settings, before, after);
        assert_eq!(found.contains(told), is_told, "{found}");
    }
}

#[test]
fn labels_that_trips_keep_are_told_of() {
    let told = "trips that are loaded keep their labels until \
                `mds run --provider all --time-min … --time-max … --no-extract --force`";
    let layer = |name: &str, key: &str| json!({"layer": name, "key": key, "property": "id"});
    let of = |layers: Value| json!({"SOCRATA_CHUNK_ROWS": 7, "BOUNDARIES": layers});
    let (cell, tract) = (layer("cell", "a"), layer("census_geoid", "b"));
    let both = of(json!([cell, tract]));
    let by_default = json!({"SOCRATA_CHUNK_ROWS": 7});
    for (before, after, is_told) in [
        (&both, &of(json!([layer("cell", "c"), tract])), true),
        (&both, &of(json!([cell])), true),
        (&by_default, &both, true),
        (&both, &of(json!([tract, cell])), false),
        (&both, &both, false),
        (&json!({}), &both, false),
    ] {
        let found = text(Kind::Settings, before, after);
        assert_eq!(found.contains(told), is_told, "{found}");
    }
    let file = |label: &str| json!({"type": "FeatureCollection", "features": [{"id": label}]});
    let (first, second) = (file("1"), file("2"));
    for (before, after, is_told) in [(&first, &second, true), (&first, &first, false)] {
        let found = text(Kind::Boundaries, before, after);
        assert_eq!(found.contains(told), is_told, "{found}");
    }
    let first = first.to_string();
    let new = Difference::new(Kind::Boundaries, None, first.as_bytes());
    assert!(!new.to_string().contains(told), "{new}");
}

#[test]
fn a_key_that_goes_is_not_a_change_of_its_value() {
    let found = text(
        Kind::Settings,
        &json!({"PUBLIC_ID_KEY": "canary-1", "SOCRATA_DATASET": "abcd-1234"}),
        &json!({"TIME_ZONE": "US/Central"}),
    );
    assert!(!found.contains("changes:"), "{found}");
}

#[test]
fn nothing_of_a_trip_is_shown() {
    let found = text(
        Kind::Other,
        &json!({"data": {"trips": [{"trip_id": "canary-1", "route": [30.1]}]}}),
        &json!({"data": {"trips": [{"trip_id": "canary-2", "route": [30.2]}]}}),
    );
    assert!(
        !found.contains("canary") && !found.contains("30."),
        "{found}"
    );
    assert!(found.contains("changed"), "{found}");
}
