//! Which variables are read, and what the clients get from them.

use rstest::rstest;

use super::*;

fn options(variables: &[(&str, &str)]) -> AwsOptions {
    AwsOptions::from_lookup(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[rstest]
#[case::none(&[], None)]
#[case::right(&[("AWS_REGION", "a"), ("AWS_DEFAULT_REGION", "b"), ("AWS_DEFALUT_REGION", "c")], Some("a"))]
#[case::default(&[("AWS_DEFAULT_REGION", "b"), ("AWS_DEFALUT_REGION", "c")], Some("b"))]
#[case::misspelled(&[("AWS_DEFALUT_REGION", "c")], Some("c"))]
#[case::empty(&[("AWS_REGION", " "), ("AWS_DEFALUT_REGION", "c")], Some("c"))]
fn the_misspelled_region_is_read_last(
    #[case] variables: &[(&str, &str)],
    #[case] region: Option<&str>,
) {
    assert_eq!(options(variables).region(), region);
}

#[tokio::test]
async fn the_misspelled_region_reaches_the_clients() {
    let missing = ("AWS_PROFILE", "there-is-no-such-profile");
    let options = options(&[("AWS_DEFALUT_REGION", "eu-west-3"), missing]);
    let config = options.load().await;
    assert_eq!(config.region().map(Region::as_ref), Some("eu-west-3"));
}

/// Returns what is logged while `work` runs.
fn logged(work: impl FnOnce()) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(std::sync::Mutex::new(file.reopen().unwrap()))
        .finish();
    tracing::subscriber::with_default(subscriber, work);
    std::fs::read_to_string(file.path()).unwrap()
}

#[test]
fn the_misspelled_region_is_warned_of_when_it_counts() {
    let misspelled = ("AWS_DEFALUT_REGION", "c");
    let log = logged(|| drop(options(&[misspelled])));
    assert!(
        log.contains("WARN") && log.contains("set AWS_REGION instead"),
        "{log}"
    );
    assert_eq!(
        logged(|| drop(options(&[misspelled, ("AWS_REGION", "a")]))),
        ""
    );
}

#[tokio::test]
async fn a_local_endpoint_needs_no_region() {
    let config = options(&[("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")])
        .load()
        .await;
    assert_eq!(config.region().map(Region::as_ref), Some(LOCAL_REGION));
}

#[tokio::test]
async fn retries_and_timeouts_are_set() {
    let config = options(&[("AWS_REGION", "a")]).load().await;
    assert_eq!(
        config.retry_config().map(RetryConfig::max_attempts),
        Some(4)
    );
    let timeouts = config.timeout_config().unwrap();
    assert_eq!(timeouts.connect_timeout(), Some(Duration::from_secs(5)));
    assert_eq!(timeouts.read_timeout(), Some(Duration::from_secs(60)));
}

#[test]
fn credentials_do_not_print() {
    let options = options(&[
        ("AWS_ACCESS_KEY_ID", "canary-id"),
        ("AWS_SECRET_ACCESS_KEY", "canary-secret"),
        ("AWS_SESSION_TOKEN", "canary-token"),
        ("AWS_ENDPOINT_URL", "http://canary"),
    ]);
    assert!(options.static_keys.is_some());
    assert!(!format!("{options:?}").contains("canary"));
}
