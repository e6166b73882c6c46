use super::*;
use rstest::rstest;
use secrecy::ExposeSecret as _;
use serde_json::json;

const CANARY: &str = "canary-5f1c";

fn entry(settings: &Value) -> Value {
    let mut entry = json!({
        "mds_api_url": "https://mds.example.com/austin",
        "provider_id": "0309585e-599f-4e57-ac85-ffffffffffff",
        "auth_type": "Bearer",
        "token": CANARY
    });
    for (key, value) in settings.as_object().unwrap() {
        entry[key] = value.clone();
    }
    entry
}

fn read(settings: &Value) -> ProviderConfig {
    serde_json::from_value(entry(settings)).unwrap()
}

fn refusal(settings: &Value) -> ProviderConfigError {
    ProviderConfig::from_value(entry(settings)).unwrap_err()
}

/// The other direction, that no key is read without being listed, is an assertion in [`Fields`].
#[test]
fn every_listed_key_is_read() {
    let malformed = json!([[]]);
    for key in ProviderConfig::KEYS {
        assert_eq!(refusal(&json!({ key: malformed })).key, key);
    }
    for key in TokenRequest::KEYS {
        let mut request = json!({
            "url": "https://mds.example.com/login",
            "token": "token",
            "send": {"Authorization": "Bearer {token}"}
        });
        request[key] = malformed.clone();
        let error = refusal(&json!({ "token_request": request }));
        assert_eq!(error.key, format!("token_request.{key}"));
    }
}

#[rstest]
#[case(json!(["mds", "trips"]), Some("mds trips"))]
#[case(json!(["mds"]), Some("mds"))]
#[case(json!("mds trips"), Some("mds trips"))]
#[case(json!(null), None)]
fn the_scope_of_a_login_may_be_a_list(#[case] scope: Value, #[case] sent: Option<&str>) {
    let config = read(&json!({"auth_data": {"client_id": "id", "scope": scope}}));
    let scope = config.auth_data.get("scope");
    assert_eq!(scope.map(secrecy::ExposeSecret::expose_secret), sent);
}

/// The older tools posted forms, in which Python's word stands for a boolean.
#[rstest]
#[case(json!(true), "True")]
#[case(json!(false), "False")]
fn a_boolean_of_a_login_is_sent_as_the_older_tools_sent_it(
    #[case] remember: Value,
    #[case] sent: &str,
) {
    let config = read(&json!({"auth_data": {"client_id": "id", "remember": remember}}));
    assert_eq!(config.auth_data["remember"].expose_secret(), sent);
}

#[rstest]
#[case(json!({"auth_data": {"a": "b", "remember": true}, "auth_data_format": "json"}))]
#[case(json!({"auth_data": {"a": "b", "remember": ["canary-5f1c", "canary-5f1c"]}}))]
#[case(json!({"auth_data": {"a": "b", "remember": {"canary-5f1c": 1}}}))]
fn what_cannot_be_sent_as_it_was_is_refused_by_name(#[case] entry: Value) {
    let error = refusal(&entry);
    assert_eq!(error.key, "auth_data.remember");
    assert!(!format!("{error:?}").contains(CANARY));
}

#[test]
fn a_scope_of_anything_but_texts_is_refused() {
    let error = refusal(&json!({"auth_data": {"scope": [{"canary-5f1c": 1}]}}));
    assert_eq!(error.key, "auth_data.scope");
    assert!(!format!("{error:?}").contains(CANARY));
}

#[test]
fn absent_keys_have_defaults() {
    let config = read(&json!({}));
    assert_eq!(config.version, MdsVersion::V0_2);
    assert!(config.paging && config.enabled && !config.swap_coordinates);
    assert_eq!(config.delay, Duration::ZERO);
    assert_eq!(config.max_attempts, 3);
    assert_eq!(config.timeout, Duration::from_secs(60));
    assert_eq!(config.lookback_hours, 24);
    assert_eq!(config.lag_hours, None);
    assert_eq!(config.time_format, None);
    assert_eq!(config.auth_token_res_key, "access_token");
}

#[test]
fn an_entry_of_an_older_file_loads() {
    let config = read(&json!({
        "auth_type": "oauth",
        "token": null,
        "token_url": "https://login.example.com/token",
        "auth_data": {"client_id": "id", "client_secret": CANARY, "scope": null, "n": 7},
        "auth_token_res_key": "jwt",
        "headers": {"App-Version": "3.0.0"},
        "mds_param_override": {"start_time": "custom_start_time", "bbox": null},
        "time_format": "unix",
        "delay": "1",
        "max_attempts": "5",
        "paging": "True",
        "interval": "10",
        "version": "0.3.0",
        "default_class": null,
        "comment": {"any": ["thing"]}
    }));
    assert_eq!(config.auth_type, AuthType::OAuth);
    assert!(config.token.is_none());
    assert_eq!(config.auth_data["client_secret"].expose_secret(), CANARY);
    assert_eq!(config.auth_data["n"].expose_secret(), "7");
    assert_eq!(config.auth_data.len(), 3);
    assert_eq!(config.auth_token_res_key, "jwt");
    assert_eq!(config.headers["App-Version"].expose_secret(), "3.0.0");
    assert_eq!(config.mds_param_override.len(), 1);
    assert_eq!(config.time_format, None);
    assert_eq!(config.delay, Duration::from_secs(1));
    assert_eq!(config.max_attempts, 5);
    assert_eq!(config.timeout, Duration::from_secs(10));
    assert_eq!(config.version, MdsVersion::V0_3);
}

#[rstest]
#[case(json!({"vehicles": false}), false)]
#[case(json!({"vehicles": "False"}), false)]
#[case(json!({"vehicles": 0}), false)]
#[case(json!({"vehicles": "0"}), false)]
#[case(json!({"vehicles": 1}), true)]
#[case(json!({"vehicles": null}), true)]
fn a_switch_can_be_written_in_many_forms(#[case] settings: Value, #[case] vehicles: bool) {
    assert_eq!(read(&settings).vehicles, vehicles);
}

/// As in the older tools, whose files are read: trips of a next page must not be lost by a word.
#[rstest]
#[case(json!(false), false)]
#[case(json!("False"), true)]
#[case(json!("no"), true)]
#[case(json!(0), true)]
#[case(json!("0"), true)]
#[case(json!(true), true)]
#[case(json!("True"), true)]
#[case(json!(1), true)]
#[case(json!(null), true)]
fn only_the_boolean_false_turns_paging_off(#[case] value: Value, #[case] paging: bool) {
    let entry = json!({ "paging": value });
    assert_eq!(read(&entry).paging, paging);
}

#[rstest]
#[case(json!({"timeout": 2.5}), 2500)]
#[case(json!({"timeout": "2.5"}), 2500)]
#[case(json!({"timeout": 10, "interval": 90}), 10_000)]
#[case(json!({"timeout": null, "interval": 90}), 90_000)]
#[case(json!({"timeout": ""}), 60_000)]
fn a_timeout_can_be_written_in_many_forms(#[case] settings: Value, #[case] milliseconds: u64) {
    assert_eq!(read(&settings).timeout, Duration::from_millis(milliseconds));
}

#[rstest]
#[case(json!({"version": 0.4}), MdsVersion::V0_4)]
#[case(json!({"version": 1.0}), MdsVersion::V1_0)]
#[case(json!({"version": 2}), MdsVersion::V2_0)]
#[case(json!({"version": null}), MdsVersion::V0_2)]
fn a_version_may_be_a_number(#[case] settings: Value, #[case] version: MdsVersion) {
    assert_eq!(read(&settings).version, version);
}

#[rstest]
#[case(json!({"request.auth.headers": {"X-Key": CANARY}}))]
#[case(json!({"request": {"auth": {"headers": {"X-Key": CANARY}}}}))]
fn auth_headers_are_under_a_dotted_key_or_nested(#[case] settings: Value) {
    let config = read(&settings);
    assert_eq!(config.auth_headers["X-Key"].expose_secret(), CANARY);
}

#[rstest]
#[case(json!({"request": null}))]
#[case(json!({"request": CANARY}))]
#[case(json!({"request": {"auth": CANARY}}))]
#[case(json!({"request.auth.headers": null}))]
fn other_values_of_request_are_ignored(#[case] settings: Value) {
    assert!(read(&settings).auth_headers.is_empty());
}

#[rstest]
#[case(json!({"mds_api_url": null}), "mds_api_url")]
#[case(json!({"mds_api_url": "canary-5f1c"}), "mds_api_url")]
#[case(json!({"mds_api_url": "http://canary-5f1c.example/"}), "mds_api_url")]
#[case(json!({"mds_api_url": ["canary-5f1c"]}), "mds_api_url")]
#[case(json!({"provider_id": "canary-5f1c"}), "provider_id")]
#[case(json!({"provider_id": null}), "provider_id")]
#[case(json!({"provider_ids": ["canary-5f1c"]}), "provider_ids")]
#[case(json!({"provider_ids": [7]}), "provider_ids")]
#[case(json!({"cost_unit": "canary-5f1c"}), "cost_unit")]
#[case(json!({"withdrawals": "canary-5f1c"}), "withdrawals")]
#[case(json!({"version": "canary-5f1c"}), "version")]
#[case(json!({"version": "9.9"}), "version")]
#[case(json!({"auth_type": "canary-5f1c"}), "auth_type")]
#[case(json!({"auth_type": null, "token": null}), "auth_type")]
#[case(json!({"token": {"canary-5f1c": "canary-5f1c"}}), "token")]
#[case(json!({"token_url": "http://example.com/canary-5f1c"}), "token_url")]
#[case(json!({"auth_data": "canary-5f1c"}), "auth_data")]
#[case(json!({"auth_data": {"password": ["canary-5f1c"]}}), "auth_data.password")]
#[case(json!({"headers": ["canary-5f1c"]}), "headers")]
#[case(json!({"paging": "canary-5f1c"}), "paging")]
#[case(json!({"delay": "canary-5f1c"}), "delay")]
#[case(json!({"delay": -1}), "delay")]
#[case(json!({"max_loss": 1.5}), "max_loss")]
#[case(json!({"max_loss": "most"}), "max_loss")]
#[case(json!({"delay": "inf"}), "delay")]
#[case(json!({"timeout": 0}), "timeout")]
#[case(json!({"interval": 0}), "interval")]
#[case(json!({"max_attempts": 0}), "max_attempts")]
#[case(json!({"max_attempts": 2.5}), "max_attempts")]
#[case(json!({"max_attempts": "canary-5f1c"}), "max_attempts")]
#[case(json!({"lookback_hours": -3}), "lookback_hours")]
#[case(json!({"time_format": "canary-5f1c"}), "time_format")]
fn a_refusal_names_the_key_and_not_the_value(#[case] settings: Value, #[case] key: &str) {
    let error = refusal(&settings);
    assert_eq!(error.key, key);
    let text = format!("{error} {error:?}");
    assert!(!text.contains(CANARY), "{text}");
    let from_serde = serde_json::from_value::<ProviderConfig>(entry(&settings)).unwrap_err();
    let text = format!("{from_serde} {from_serde:?}");
    assert!(text.contains(key) && !text.contains(CANARY), "{text}");
}

#[test]
fn an_entry_that_is_not_an_object_is_refused_without_showing_it() {
    let error = serde_json::from_value::<ProviderConfig>(json!(CANARY)).unwrap_err();
    assert!(!error.to_string().contains(CANARY));
}

#[test]
fn debug_shows_no_secret() {
    let config = read(&json!({
        "mds_api_url": format!("https://u:{CANARY}@mds.example.com/?key={CANARY}"),
        "auth_data": {"password": CANARY},
        "headers": {"X-Key": CANARY},
        "request.auth.headers": {"X-Key": CANARY},
        "token_url": format!("https://login.example.com/?k={CANARY}")
    }));
    let text = format!("{config:?}");
    assert!(!text.contains(CANARY), "{text}");
    assert!(text.contains("mds.example.com"), "{text}");
}

#[rstest]
#[case("http://127.0.0.1:8080/mds")]
#[case("http://localhost:8080/mds")]
#[case("http://[::1]:8080/mds")]
fn plain_http_is_for_loopback(#[case] url: &str) {
    assert_eq!(read(&json!({"mds_api_url": url})).mds_api_url.as_str(), url);
}

#[rstest]
#[case(json!({}), CostUnit::Minor, Withdrawals::Mark)]
#[case(json!({"cost_unit": "minor", "withdrawals": "mark"}), CostUnit::Minor, Withdrawals::Mark)]
#[case(json!({"cost_unit": "Major", "withdrawals": " KEEP "}), CostUnit::Major, Withdrawals::Keep)]
#[case(json!({"cost_unit": "", "withdrawals": null}), CostUnit::Minor, Withdrawals::Mark)]
fn units_and_withdrawals_are_words(
    #[case] settings: Value,
    #[case] unit: CostUnit,
    #[case] withdrawals: Withdrawals,
) {
    let config = read(&settings);
    assert_eq!(config.cost_unit, unit);
    assert_eq!(config.feed().cost_unit, unit);
    assert_eq!(config.withdrawals, withdrawals);
}

#[rstest]
#[case(json!(null), 1)]
#[case(json!([]), 1)]
#[case(json!(["0309585e-599f-4e57-ac85-ffffffffffff"]), 1)]
#[case(json!("11111111-2222-4333-8444-555555555555"), 2)]
#[case(json!(["11111111-2222-4333-8444-555555555555", "11111111-2222-4333-8444-555555555555"]), 2)]
fn trips_may_arrive_under_further_ids(#[case] ids: Value, #[case] count: usize) {
    let config = read(&json!({"provider_ids": ids}));
    assert_eq!(config.provider_ids[0], config.provider_id);
    assert_eq!(config.provider_ids.len(), count);
}

#[rstest]
#[case(json!([168, "24", 24]), &[24, 168])]
#[case(json!(24), &[24])]
#[case(json!([]), &[])]
#[case(json!(null), &[])]
fn refetch_hours_are_sorted(#[case] given: Value, #[case] hours: &[u32]) {
    let config = read(&json!({"reask_hours": given}));
    assert_eq!(config.refetch_after_hours, hours);
}

#[rstest]
#[case(json!([0]))]
#[case(json!(["soon"]))]
#[case(json!({"a": 1}))]
fn refetch_hours_must_be_whole_numbers(#[case] given: Value) {
    let error = refusal(&json!({"reask_hours": given}));
    assert_eq!(error.key, "reask_hours");
}

/// The older tools passed over what is no object.
#[rstest]
#[case(json!(""))]
#[case(json!([]))]
#[case(json!(false))]
fn names_of_parameters_may_be_empty_in_any_form(#[case] value: Value) {
    let config = read(&json!({ "mds_param_override": value }));
    assert!(config.mds_param_override.is_empty());
}
