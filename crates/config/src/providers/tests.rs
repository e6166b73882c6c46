//! Entries of the providers file: which are read, skipped or refused.

use rstest::rstest;
use serde_json::json;

use super::*;

fn bird() -> Value {
    json!({
        "mds_api_url": "https://mds.example.com/v2/trips",
        "provider_id": "2411d395-04f2-47c9-ab66-d09e9e3c3251",
        "auth_type": "Bearer",
        "token": "canary",
        "version": "0.3.0",
        "headers": {"App-Version": "canary"},
        "interval": 30,
        "some_older_key": ["canary"],
    })
}

fn read(value: &Value) -> Result<Providers, ConfigError> {
    Providers::from_json(value.to_string().as_bytes())
}

fn name(text: &str) -> ProviderName {
    text.parse().unwrap()
}

#[test]
fn entries_come_in_the_order_of_their_names() {
    let mut lime = bird();
    lime["enabled"] = json!(false);
    let providers = read(&json!({"lime": lime, "bird": bird()})).unwrap();
    let names: Vec<_> = providers.keys().map(ProviderName::as_str).collect();
    assert_eq!(names, ["bird", "lime"]);
    assert!(providers.get(&name("bird")).unwrap().enabled);
    assert!(!providers.get(&name("lime")).unwrap().enabled);
    assert!(providers.get(&name("jump")).is_none());
    assert_eq!((&providers).into_iter().count(), providers.iter().count());
}

#[rstest]
#[case("mds_api_url", json!(null))]
#[case("mds_api_url", json!("http://canary.example.com"))]
#[case("provider_id", json!("canary"))]
#[case("version", json!("canary"))]
#[case("auth_type", json!("canary"))]
#[case("headers", json!("canary"))]
#[case("paging", json!("canary"))]
fn a_fault_is_named_by_provider_and_key(#[case] key: &str, #[case] value: Value) {
    let mut entry = bird();
    entry[key] = value;
    let providers = read(&json!({"bird": entry})).unwrap();
    let error = providers.check().unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("bird.{key} ")),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("canary"));
}

/// The older tools paged with them, and the entry's author means the opposite.
#[rstest]
#[case(json!("False"), true)]
#[case(json!(0), true)]
#[case(json!("no"), true)]
#[case(json!(false), false)]
#[case(json!("True"), false)]
#[case(json!(1), false)]
#[case(json!(null), false)]
fn a_word_that_does_not_turn_paging_off_draws_a_warning(
    #[case] value: Value,
    #[case] is_named: bool,
) {
    let mut entry = bird();
    entry["paging"] = value;
    let providers = read(&json!({"bird": entry})).unwrap();
    providers.check().unwrap();
    let warning = ConfigWarning::PagingStaysOn {
        key: "bird.paging".to_owned(),
    };
    assert_eq!(providers.warnings().contains(&warning), is_named);
}

#[test]
fn an_entry_that_is_not_enabled_may_be_past_reading() {
    let gone = json!({"enabled": false, "token": "canary"});
    let providers = read(&json!({"bird": bird(), "jump": gone, "GONE!": gone})).unwrap();
    assert_eq!(
        providers
            .keys()
            .map(ProviderName::as_str)
            .collect::<Vec<_>>(),
        ["bird"]
    );
}

#[test]
fn an_entry_that_cannot_be_used_stops_no_other() {
    let (mut bad, mut left) = (bird(), bird());
    bad["mds_api_url"] = json!("http://canary.example.com");
    left["provider_id"] = json!("canary");
    left["enabled"] = json!(false);
    let providers =
        read(&json!({"bird": bird(), "jump": bad, "left": left, "Bird": bird()})).unwrap();
    let usable: Vec<_> = providers.keys().map(ProviderName::as_str).collect();
    assert_eq!(usable, ["bird"]);
    let invalid: Vec<_> = providers.all_invalid().map(|(name, _)| name).collect();
    assert_eq!(invalid, ["Bird", "jump"]);
    let why = providers.invalid("jump").unwrap().to_string();
    assert!(why.starts_with("jump.mds_api_url "), "{why}");
    assert!(providers.invalid("bird").is_none() && providers.invalid("left").is_none());
    assert!(providers.check().is_err());
}

#[rstest]
#[case(json!({"Bird": {}}))]
#[case(json!({"all": {}}))]
fn an_entry_with_a_name_that_no_provider_can_have_is_refused(#[case] value: Value) {
    let providers = read(&value).unwrap();
    let error = providers.check().unwrap_err();
    assert!(
        error.to_string().starts_with("the provider's name `"),
        "{error}"
    );
}

#[rstest]
#[case(json!(["canary"]))]
#[case(json!("canary"))]
fn a_file_that_is_no_providers_file_is_named(#[case] value: Value) {
    let error = read(&value).unwrap_err();
    assert!(
        error.to_string().starts_with("ATD_MDS_PROVIDERS"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn an_entry_that_is_no_object_is_refused() {
    let providers = read(&json!({"bird": "canary"})).unwrap();
    let error = providers.check().unwrap_err();
    assert!(error.to_string().starts_with("bird"), "{error}");
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn debug_shows_names_only() {
    let providers = read(&json!({"bird": bird()})).unwrap();
    let printed = format!("{providers:?} {:?}", providers.get(&name("bird")).unwrap());
    assert!(
        printed.contains("bird") && !printed.contains("canary"),
        "{printed}"
    );
}

#[test]
fn another_name_for_a_parameter_that_no_version_has_draws_a_warning() {
    let file = json!({"bird": {
        "mds_api_url": "https://mds.example.com",
        "provider_id": "0309585e-599f-4e57-ac85-ffffffffffff",
        "auth_type": "Bearer",
        "token": "t",
        "mds_param_override": {"end_tim": "e", "end_time": "hour", "min_end_time": "from"}
    }});
    let providers = Providers::from_json(file.to_string().as_bytes()).unwrap();
    let expected = ConfigWarning::UnknownKey {
        key: "bird.mds_param_override.end_tim".to_owned(),
        nearest: "end_time",
    };
    assert_eq!(providers.warnings(), [expected]);
}
