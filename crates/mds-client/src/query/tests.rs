use super::*;
use rstest::rstest;
use serde_json::{Value, json};

fn query(settings: &Value) -> String {
    let mut entry = json!({
        "mds_api_url": "https://mds.example.com",
        "provider_id": "0309585e-599f-4e57-ac85-ffffffffffff",
        "auth_type": "Bearer",
        "token": "t"
    });
    for (key, value) in settings.as_object().unwrap() {
        entry[key] = value.clone();
    }
    let config = ProviderConfig::from_value(entry).unwrap();
    let hour = Hour::starting_at("2020-01-01T22:00:00Z".parse().unwrap()).unwrap();
    Query::new(&config, hour).to_string()
}

#[rstest]
#[case(json!({"version": "0.2"}), "start_time=1577829600&end_time=1577923200")]
#[case(json!({"version": "0.2", "lookback_hours": 2}), "start_time=1577908800&end_time=1577923200")]
#[case(json!({"version": "0.3.0"}), "min_end_time=1577916000000&max_end_time=1577919600000")]
#[case(json!({"version": "0.4"}), "end_time=2020-01-01T22")]
#[case(json!({"version": "1.0"}), "end_time=2020-01-01T22")]
#[case(json!({"version": "1.1"}), "end_time=2020-01-01T22")]
#[case(json!({"version": "1.2"}), "end_time=2020-01-01T22")]
#[case(json!({"version": "2.0"}), "end_time=2020-01-01T22")]
fn every_version_has_its_own_query(#[case] settings: Value, #[case] expected: &str) {
    assert_eq!(query(&settings), expected);
}

#[rstest]
#[case(
    json!({"version": "0.3", "mds_param_override": {"start_time": "start_time", "end_time": "end_time"}}),
    "start_time=1577916000000&end_time=1577919600000"
)]
#[case(
    json!({"version": "0.3", "mds_param_override": {"min_end_time": "from & to"}}),
    "from+%26+to=1577916000000&max_end_time=1577919600000"
)]
#[case(
    json!({"version": "0.3", "time_format": "seconds"}),
    "min_end_time=1577916000&max_end_time=1577919600"
)]
#[case(
    json!({"version": "0.3", "time_format": "unix"}),
    "min_end_time=1577916000000&max_end_time=1577919600000"
)]
#[case(json!({"version": "0.2", "time_format": "ms"}), "start_time=1577829600000&end_time=1577923200000")]
#[case(json!({"version": "0.4", "mds_param_override": {"end_time": "hour"}}), "hour=2020-01-01T22")]
#[case(json!({"version": "0.4", "time_format": "milliseconds"}), "end_time=1577916000000")]
#[case(
    json!({"version": "0.3", "time_format": "rfc3339"}),
    "min_end_time=2020-01-01T22%3A00%3A00Z&max_end_time=2020-01-01T23%3A00%3A00Z"
)]
fn names_and_times_can_be_overridden(#[case] settings: Value, #[case] expected: &str) {
    assert_eq!(query(&settings), expected);
}

#[rstest]
#[case("https://a.example", "https://a.example/trips")]
#[case("https://a.example/mds/austin", "https://a.example/mds/austin/trips")]
#[case("https://a.example/mds/", "https://a.example/mds/trips")]
#[case("https://a.example/mds/?key=1#f", "https://a.example/mds/trips?key=1")]
#[case("https://a.example/mds/trips", "https://a.example/mds/trips")]
#[case("https://a.example/mds/trips/", "https://a.example/mds/trips/")]
#[case("https://a.example/trips/brussels", "https://a.example/trips/brussels")]
fn trips_are_below_the_base_unless_it_names_them(#[case] base: &str, #[case] trips: &str) {
    assert_eq!(trips_url(&Url::parse(base).unwrap()).as_str(), trips);
}

#[test]
fn parameters_of_the_configured_url_are_sent_but_not_shown() {
    let query = Query {
        parameters: vec![("end_time".into(), "2020-01-01T22".into())],
        window: None,
        range: (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH),
    };
    let url = query.append_to(&Url::parse("https://a.example/trips?key=canary").unwrap());
    assert_eq!(
        url.as_str(),
        "https://a.example/trips?key=canary&end_time=2020-01-01T22"
    );
    assert!(!query.to_string().contains("canary"));
}
