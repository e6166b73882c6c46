//! What the environment variables mean, and what is refused.

use rstest::rstest;
use secrecy::ExposeSecret as _;

use super::*;

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn read(variables: &[(&str, &str)]) -> Result<Environment, ConfigError> {
    Environment::from_lookup(|name| {
        let found = variables.iter().rev().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

fn read_with(variables: &[(&str, &str)]) -> Result<Environment, ConfigError> {
    let base = [("ATD_MDS_BUCKET", "archive"), ("ATD_MDS_FERNET_KEY", KEY)];
    read(&[&base, variables].concat())
}

#[test]
fn a_bucket_and_a_key_are_enough() {
    let env = read_with(&[]).unwrap();
    assert_eq!(env.bucket, "archive");
    assert_eq!(env.stage, Stage::Staging);
    assert_eq!(env.providers_key, "config/providers_staging.json");
    assert_eq!(env.settings_key, "config/settings_staging.json");
    assert!(matches!(env.fernet_keys, KeySource::Given(keys) if keys.count() == 1));
    assert_eq!(env.secrets_endpoint, None);
}

#[rstest]
#[case("ATD_MDS_SETTINGS", "config/providers_staging.json", "providers file")]
#[case("ATD_MDS_PROVIDERS", "config/settings_staging.json", "settings file")]
fn one_object_is_not_both_files(#[case] variable: &str, #[case] key: &str, #[case] words: &str) {
    let error = read_with(&[(variable, key)]).unwrap_err().to_string();
    assert!(
        error.starts_with(variable) && error.contains(words),
        "{error}"
    );
}

#[test]
fn the_lag_of_a_provider_is_its_own_or_that_of_the_deployment_or_30() {
    for (variable, own, lag) in [
        ("", None, 30),
        ("", Some(1), 1),
        (" 72 ", None, 72),
        ("0", None, 0),
        ("72", Some(0), 0),
    ] {
        let env = read_with(&[("MDS_LAG_HOURS", variable)]).unwrap();
        assert_eq!(env.lag_of(own), lag, "{variable:?} {own:?}");
    }
}

#[rstest]
#[case("-1")]
#[case("1.5")]
#[case("8785")]
#[case("a day")]
fn a_lag_that_is_no_number_of_hours_is_refused_by_the_name_of_its_variable(#[case] lag: &str) {
    let error = read_with(&[("MDS_LAG_HOURS", lag)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "MDS_LAG_HOURS must be a whole number from 0 to 8784"
    );
}

#[rstest]
#[case("production", Stage::Production)]
#[case("PRODUCTION", Stage::Production)]
#[case(" Staging\n", Stage::Staging)]
#[case("", Stage::Staging)]
fn the_run_mode_in_any_case(#[case] mode: &str, #[case] stage: Stage) {
    assert_eq!(
        read_with(&[("ATD_MDS_RUN_MODE", mode)]).unwrap().stage,
        stage
    );
}

#[test]
fn the_files_have_default_keys_by_stage_and_keys_of_their_own() {
    let env = read_with(&[("ATD_MDS_RUN_MODE", "PRODUCTION")]).unwrap();
    assert_eq!(env.providers_key, "config/providers_production.json");
    assert_eq!(env.settings_key, "config/settings_production.json");
    let env = read_with(&[
        ("ATD_MDS_PROVIDERS", "p.json"),
        ("ATD_MDS_SETTINGS", "s.json"),
    ])
    .unwrap();
    assert_eq!(
        (&*env.providers_key, &*env.settings_key),
        ("p.json", "s.json")
    );
}

#[test]
fn another_stage_takes_the_default_keys_along_and_leaves_the_others() {
    let env = read_with(&[("ATD_MDS_PROVIDERS", "p.json")]).unwrap();
    let env = env.with_stage(Stage::Production);
    assert_eq!(env.stage, Stage::Production);
    assert_eq!(env.providers_key, "p.json");
    assert_eq!(env.settings_key, "config/settings_production.json");
}

#[test]
fn several_keys_and_a_secret() {
    let two = format!("{KEY},{KEY}");
    let env = read_with(&[("ATD_MDS_FERNET_KEY", &two)]).unwrap();
    assert!(matches!(env.fernet_keys, KeySource::Given(keys) if keys.count() == 2));
    let secret = ("ATD_MDS_FERNET_KEY_SECRET", "mds/key");
    let env = read(&[("ATD_MDS_BUCKET", "b"), secret]).unwrap();
    assert!(matches!(env.fernet_keys, KeySource::SecretsManager { id } if id == "mds/key"));
    let env = read_with(&[secret]).unwrap();
    assert!(
        matches!(env.fernet_keys, KeySource::Given(_)),
        "a key takes precedence over a secret"
    );
}

#[rstest]
#[case(&[("ATD_MDS_FERNET_KEY", KEY)], "ATD_MDS_BUCKET")]
#[case(&[("ATD_MDS_BUCKET", "b")], "ATD_MDS_FERNET_KEY")]
#[case(&[("ATD_MDS_BUCKET", " "), ("ATD_MDS_FERNET_KEY", KEY)], "ATD_MDS_BUCKET")]
#[case(&[("ATD_MDS_BUCKET", "b"), ("ATD_MDS_FERNET_KEY", "")], "ATD_MDS_FERNET_KEY")]
fn what_is_missing_is_named(#[case] variables: &[(&str, &str)], #[case] key: &str) {
    let error = read(variables).unwrap_err();
    assert!(
        matches!(&error, ConfigError::Missing { key: named, .. } if named == key),
        "{error}"
    );
    assert!(error.to_string().contains(key) && !error.is_transient());
}

#[rstest]
#[case("ATD_MDS_RUN_MODE", "canary")]
#[case("ATD_MDS_FERNET_KEY", "canary")]
#[case(
    "ATD_MDS_FERNET_KEY",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,canary"
)]
fn what_is_malformed_is_named_and_not_shown(#[case] key: &str, #[case] value: &str) {
    let error = read_with(&[(key, value)]).unwrap_err();
    assert!(error.to_string().starts_with(key), "{error}");
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn the_variables_of_aws_are_read_through_the_same_lookup() {
    let env = read_with(&[
        ("AWS_DEFALUT_REGION", "us-east-2"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1"),
    ])
    .unwrap();
    assert_eq!(env.aws.region(), Some("us-east-2"));
    assert_eq!(env.secrets_endpoint.as_deref(), Some("http://127.0.0.1:1"));
}

#[test]
fn debug_shows_no_secret() {
    let key = vault::FernetKeys::generate();
    let env = read_with(&[
        ("ATD_MDS_FERNET_KEY", key.expose_secret()),
        ("AWS_ACCESS_KEY_ID", "canary"),
        ("AWS_SECRET_ACCESS_KEY", "canary"),
    ])
    .unwrap();
    let printed = format!("{env:?}");
    assert!(
        !printed.contains(key.expose_secret()) && !printed.contains("canary"),
        "{printed}"
    );
}

#[rstest]
#[case("AWS_ENDPOINT_URL", "http://192.0.2.1")]
#[case("AWS_ENDPOINT_URL_S3", "http://minio.example.org:9000")]
#[case("AWS_ENDPOINT_URL_S3", "http://127.0.0.1.example.org")]
#[case("AWS_ENDPOINT_URL_SECRETS_MANAGER", "HTTP://192.0.2.1")]
#[case("AWS_ENDPOINT_URL_SECRETS_MANAGER", "ftp://localhost")]
#[case("AWS_ENDPOINT_URL_S3", "localhost:9000")]
fn a_service_without_tls_is_refused_unless_it_is_on_this_machine(
    #[case] name: &str,
    #[case] url: &str,
) {
    let error = read_with(&[(name, url)]).unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("{name} ")),
        "{error}"
    );
    for good in [
        "http://127.0.0.1:9000",
        "http://localhost",
        "http://[::1]",
        "https://s3.example.org",
    ] {
        read_with(&[(name, good)]).unwrap();
    }
}

#[rstest]
#[case("STAGING", None, true)]
#[case("PRODUCTION", None, false)]
#[case("PRODUCTION", Some("allow"), true)]
#[case("PRODUCTION", Some(" Allow "), true)]
fn plain_files_are_for_trials_unless_they_are_allowed(
    #[case] mode: &str,
    #[case] allowed: Option<&str>,
    #[case] may_be_plain: bool,
) {
    let mut variables = vec![("ATD_MDS_RUN_MODE", mode)];
    variables.extend(allowed.map(|word| ("ATD_MDS_PLAIN_CONFIG", word)));
    let env = read_with(&variables).unwrap();
    assert_eq!(env.may_be_plain(), may_be_plain);
    assert_eq!(env.check_plain(&env.settings_key).is_ok(), may_be_plain);
    assert_eq!(env.check_plain(&env.providers_key).is_ok(), may_be_plain);
    env.check_plain("boundaries/cell.json").unwrap();
}

#[test]
fn any_other_word_does_not_allow_plain_files() {
    let error = read_with(&[("ATD_MDS_PLAIN_CONFIG", "1")]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("ATD_MDS_PLAIN_CONFIG must be allow"),
        "{error}"
    );
}
