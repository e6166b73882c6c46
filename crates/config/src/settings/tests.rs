//! Every key of the settings file: its default, its forms, and what is refused.

use std::collections::BTreeSet;

use boundaries::LayerName;
use rstest::rstest;
use serde_json::json;

use super::*;

const URL: &str = "postgres://mds:p%40ss@db.example.org:5432/mds";

fn full() -> Value {
    json!({
        "DATABASE_URL": URL,
        "DATABASE_SECRET": "mds/database",
        "DATABASE_CA": "config/database.pem",
        "MIGRATION_DATABASE_URL": URL,
        "MIGRATION_DATABASE_SECRET": "mds/owner",
        "TIME_ZONE": "America/New_York",
        "SOCRATA_DATA_ENDPOINT": "data.example.gov",
        "SOCRATA_DATASET": "abcd-1234",
        "SOCRATA_APP_TOKEN": "canary-app",
        "SOCRATA_KEY_ID": "canary-id",
        "SOCRATA_KEY_SECRET": "canary-secret",
        "SOCRATA_CHUNK_ROWS": 500,
        "PUBLIC_ID_KEY": "canary-public-id-key",
        "PUBLIC_TIME_ROUNDING_MINUTES": 15,
        "PUBLIC_DEVICE_ID_PERIOD": "Week",
        "BOUNDARIES": [{"layer": "cell", "key": "b/hex.json", "property": "n"}],
        "ARCHIVE_COMPRESSION": "none",
        "UNKNOWN_KEY": {"canary": true},
    })
}

fn read(value: &Value) -> Result<Settings, ConfigError> {
    Settings::from_json(value.to_string().as_bytes())
}

fn with(key: &str, value: Value) -> Value {
    let mut settings = full();
    settings[key] = value;
    settings
}

/// Reads and checks everything, as `mds config put` does.
fn checked(value: &Value) -> Result<Settings, ConfigError> {
    let settings = read(value)?;
    settings.check()?;
    Ok(settings)
}

#[test]
fn every_key_arrives() {
    let settings = checked(&full()).unwrap();
    assert_eq!(settings.time_zone.name(), "America/New_York");
    assert_eq!(settings.compression, Compression::None);
    assert_eq!(
        settings
            .postgres_url(DATABASE_URL)
            .unwrap()
            .unwrap()
            .expose_secret(),
        URL
    );
    let portal = settings.socrata().unwrap();
    assert_eq!(portal.endpoint.as_str(), "https://data.example.gov/");
    assert_eq!(portal.dataset.as_str(), "abcd-1234");
    assert_eq!(portal.app_token.expose_secret(), "canary-app");
    assert_eq!(portal.key_id.expose_secret(), "canary-id");
    assert_eq!(portal.key_secret.expose_secret(), "canary-secret");
    assert_eq!(portal.chunk_rows, 500);
    let times = settings.public_times().unwrap();
    assert_eq!(times.zone, settings.time_zone);
    assert_eq!(times.rounding, TimeRounding::QUARTER_HOURS);
    let form = settings.public_form().unwrap();
    assert_eq!(form.times, times);
    assert!(matches!(
        form.device_ids,
        DeviceIds::Changing {
            period: DeviceIdPeriod::Week,
            ..
        }
    ));
    let layers = settings.boundaries().unwrap();
    assert_eq!(layers.len(), 1);
    assert_eq!(layers[0].layer, LayerName::Cell);
    assert_eq!((&*layers[0].key, &*layers[0].property), ("b/hex.json", "n"));
}

#[test]
fn the_list_of_keys_is_complete() {
    let listed = Settings::keys().chain(["UNKNOWN_KEY"]);
    let file = full();
    let written: BTreeSet<&str> = file
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(written, listed.collect());
}

#[test]
fn the_public_id_key_is_the_one_in_the_file() {
    let key = read(&full()).unwrap().public_id_key().unwrap();
    let same = PublicIdKey::new(&SecretString::from("canary-public-id-key")).unwrap();
    let id = "0309585e-599f-4e57-ac85-fffffffffff1".parse().unwrap();
    assert_eq!(key.trip(id, id), same.trip(id, id));
}

#[rstest]
#[case::absent(json!({}))]
#[case::null(json!({"TIME_ZONE": null, "BOUNDARIES": null, "ARCHIVE_COMPRESSION": null}))]
#[case::empty(json!({"TIME_ZONE": "", "BOUNDARIES": "", "ARCHIVE_COMPRESSION": " "}))]
fn defaults(#[case] value: Value) {
    let settings = read(&value).unwrap();
    assert_eq!(settings.time_zone.name(), "US/Central");
    assert_eq!(settings.compression, Compression::Zstd);
    assert_eq!(settings.boundaries().unwrap(), boundaries::default_layers());
    let form = settings.public_form().unwrap();
    assert_eq!(form.times.rounding, TimeRounding::NONE);
    assert!(matches!(form.device_ids, DeviceIds::Forever));
}

#[test]
fn ids_that_last_for_ever_need_no_key_to_publish_and_others_do() {
    let form = |period| {
        read(&json!({"PUBLIC_DEVICE_ID_PERIOD": period}))
            .unwrap()
            .public_form()
    };
    assert!(matches!(
        form("forever").unwrap().device_ids,
        DeviceIds::Forever
    ));
    let error = form("day").unwrap_err();
    assert!(
        error.to_string().starts_with("PUBLIC_ID_KEY is missing"),
        "{error}"
    );
}

#[test]
fn numbers_may_stand_as_text_and_text_has_its_margins_cut() {
    let portal = read(&with("SOCRATA_CHUNK_ROWS", json!(" 20 ")))
        .unwrap()
        .socrata()
        .unwrap();
    assert_eq!(portal.chunk_rows, 20);
    let portal = read(&with("SOCRATA_KEY_ID", json!(12345)))
        .unwrap()
        .socrata()
        .unwrap();
    assert_eq!(portal.key_id.expose_secret(), "12345");
    let portal = read(&with("SOCRATA_CHUNK_ROWS", json!(null)))
        .unwrap()
        .socrata()
        .unwrap();
    assert_eq!(portal.chunk_rows, MAX_CHUNK_ROWS);
    let url = format!(" {URL}\n");
    let settings = read(&with("DATABASE_URL", json!(url))).unwrap();
    assert_eq!(
        settings
            .postgres_url(DATABASE_URL)
            .unwrap()
            .unwrap()
            .expose_secret(),
        URL
    );
}

#[test]
fn no_layer_at_all_may_be_asked_for() {
    assert_eq!(
        read(&with("BOUNDARIES", json!([])))
            .unwrap()
            .boundaries()
            .unwrap(),
        []
    );
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let text = [b"\xEF\xBB\xBF", full().to_string().as_bytes()].concat();
    Settings::from_json(&text).unwrap();
}

#[rstest]
#[case("DATABASE_URL")]
#[case("SOCRATA_DATA_ENDPOINT")]
#[case("SOCRATA_DATASET")]
#[case("SOCRATA_APP_TOKEN")]
#[case("SOCRATA_KEY_ID")]
#[case("SOCRATA_KEY_SECRET")]
fn a_missing_key_is_named(#[case] key: &str, #[values(json!(null), json!(" "))] nothing: Value) {
    let mut file = with(key, nothing);
    // It would do instead of a URL.
    file["DATABASE_SECRET"] = json!(null);
    let error = checked(&file).unwrap_err();
    assert!(
        matches!(&error, ConfigError::Missing { key: named, .. } if named == key),
        "{error}"
    );
}

#[test]
fn a_database_without_a_url_may_have_a_secret() {
    let settings = checked(&with("DATABASE_URL", json!(null))).unwrap();
    assert!(settings.postgres_url(DATABASE_URL).unwrap().is_none());
}

#[test]
fn a_missing_public_id_key_is_named_when_it_is_asked_for() {
    let mut file = with("PUBLIC_ID_KEY", json!(null));
    file["PUBLIC_DEVICE_ID_PERIOD"] = json!("forever");
    let settings = checked(&file).unwrap();
    let error = settings.public_id_key().unwrap_err();
    assert!(
        error.to_string().starts_with("PUBLIC_ID_KEY is missing"),
        "{error}"
    );
}

#[rstest]
#[case("replace me by the output of: openssl rand -base64 32")]
#[case("the output of `openssl rand -base64 32`; never change it, the public ids depend on it")]
#[case("The output  of `openssl rand -base64 32`")]
#[case(" a random text of at least 16 bytes ")]
fn a_text_of_the_documentation_is_no_secret(#[case] text: &str) {
    let error = checked(&with("PUBLIC_ID_KEY", json!(text))).unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("PUBLIC_ID_KEY is a text of the documentation"),
        "{error}"
    );
}

#[rstest]
#[case("put a long and random text of this city here", true)]
#[case("blue horse walks slowly over seven green hills", false)]
#[case("c2VjcmV0IG9mIHRoZSBwdWJsaWMgaWRzIDEyMzQ1Njc4OTA=", false)]
fn words_that_ask_for_a_secret_draw_a_warning(#[case] text: &str, #[case] is_warned: bool) {
    let settings = checked(&with("PUBLIC_ID_KEY", json!(text))).unwrap();
    let warnings = settings.warnings();
    let of_secret = |it: &ConfigWarning| it.to_string().contains("words that ask for one");
    assert_eq!(warnings.iter().any(of_secret), is_warned, "{warnings:?}");
}

#[rstest]
#[case("DATABASE_URL", json!("mysql://canary/db"))]
#[case("DATABASE_URL", json!("canary"))]
#[case("DATABASE_URL", json!({"canary": 1}))]
#[case("TIME_ZONE", json!("Canary/Canary"))]
#[case("TIME_ZONE", json!("Asia/Kolkata"))]
#[case("TIME_ZONE", json!(["canary"]))]
#[case("SOCRATA_DATA_ENDPOINT", json!("http://canary.example.gov"))]
#[case("SOCRATA_DATA_ENDPOINT", json!("a canary"))]
#[case("SOCRATA_DATA_ENDPOINT", json!("https://user:canary@data.example.gov"))]
#[case("SOCRATA_DATASET", json!("canary"))]
#[case("SOCRATA_DATASET", json!(["canary"]))]
#[case("SOCRATA_APP_TOKEN", json!({"canary": "canary"}))]
#[case("SOCRATA_KEY_ID", json!(["canary"]))]
#[case("SOCRATA_KEY_SECRET", json!(true))]
#[case("SOCRATA_CHUNK_ROWS", json!("canary"))]
#[case("SOCRATA_CHUNK_ROWS", json!(0))]
#[case("SOCRATA_CHUNK_ROWS", json!(-5))]
#[case("SOCRATA_CHUNK_ROWS", json!(1.5))]
#[case("SOCRATA_CHUNK_ROWS", json!(1_000_000))]
#[case("PUBLIC_ID_KEY", json!("canary"))]
#[case("PUBLIC_ID_KEY", json!(["canary"]))]
#[case("PUBLIC_TIME_ROUNDING_MINUTES", json!("canary"))]
#[case("PUBLIC_TIME_ROUNDING_MINUTES", json!(7))]
#[case("PUBLIC_TIME_ROUNDING_MINUTES", json!(-15))]
#[case("PUBLIC_TIME_ROUNDING_MINUTES", json!(15.5))]
#[case("PUBLIC_TIME_ROUNDING_MINUTES", json!(120))]
#[case("PUBLIC_TIME_ROUNDING_MINUTES", json!(["canary"]))]
#[case("PUBLIC_DEVICE_ID_PERIOD", json!("canary"))]
#[case("PUBLIC_DEVICE_ID_PERIOD", json!(7))]
#[case("PUBLIC_DEVICE_ID_PERIOD", json!(["canary"]))]
#[case("BOUNDARIES", json!("canary"))]
#[case("BOUNDARIES", json!([{"layer": "canary", "key": "a", "property": "b"}]))]
#[case("BOUNDARIES", json!([{"layer": "cell"}]))]
#[case("ARCHIVE_COMPRESSION", json!("canary"))]
#[case("ARCHIVE_COMPRESSION", json!(["canary"]))]
fn a_malformed_key_is_named_and_its_value_is_not_shown(#[case] key: &str, #[case] value: Value) {
    let error = checked(&with(key, value)).unwrap_err();
    assert!(
        matches!(&error, ConfigError::Invalid { key: named, .. } if named == key),
        "{error}"
    );
    let printed = format!("{error} {error:?}").to_lowercase();
    assert!(!printed.contains("canary"), "{printed}");
}

#[test]
fn what_only_one_step_needs_stops_no_other() {
    let settings = read(&json!({
        "DATABASE_URL": 1, "SOCRATA_DATASET": "x", "PUBLIC_ID_KEY": "x", "BOUNDARIES": 7,
    }))
    .unwrap();
    assert!(settings.postgres_url(DATABASE_URL).is_err());
    assert!(settings.socrata().is_err());
    assert!(settings.public_id_key().is_err());
    assert!(settings.boundaries().is_err());
}

#[test]
fn a_city_without_a_portal_has_complete_settings() {
    checked(&json!({"DATABASE_URL": URL})).unwrap();
}

#[rstest]
#[case(b"canary")]
#[case(b"{\"DATABASE_URL\": canary}")]
#[case(b"[\"canary\"]")]
#[case(b"\"canary\"")]
#[case(b"")]
fn what_is_no_object_is_refused_by_the_files_variable(#[case] text: &[u8]) {
    let error = Settings::from_json(text).unwrap_err();
    assert!(error.to_string().starts_with("ATD_MDS_SETTINGS"), "{error}");
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn debug_shows_keys_and_no_values() {
    let settings = read(&full()).unwrap();
    let printed = format!("{settings:?} {:?}", settings.socrata().unwrap());
    assert!(printed.contains("SOCRATA_KEY_SECRET"));
    assert!(
        !printed.contains("canary") && !printed.contains("p%40ss"),
        "{printed}"
    );
}
