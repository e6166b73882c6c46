use super::*;
use rstest::rstest;

#[rstest]
#[case(
    r#"{"code":"permission_denied","error":true,"message":"m"}"#,
    Some("permission_denied")
)]
#[case(
    r#"{"code":"query.soql.no-such-column"}"#,
    Some("query.soql.no-such-column")
)]
#[case(r#"{"code":"Row 30.26, -97.74 is bad"}"#, None)]
#[case(r#"{"code":""}"#, None)]
#[case(r#"{"error":true}"#, None)]
#[case("<html>", None)]
fn only_a_name_passes_as_a_code(#[case] body: &str, #[case] code: Option<&str>) {
    assert_eq!(error_code(body.as_bytes()).as_deref(), code);
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let wait = |text: &str| {
        retry_after(&HeaderMap::from_iter([(
            RETRY_AFTER,
            text.parse().unwrap(),
        )]))
    };
    assert_eq!(wait("7"), Some(Duration::from_secs(7)));
    assert_eq!(wait("soon"), None);
    let passed = "Wed, 01 Jan 2020 00:00:00 GMT";
    assert_eq!(wait(passed), Some(Duration::ZERO));
    let in_a_minute = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
    let left = wait(&in_a_minute).unwrap().as_secs();
    assert!((57..=60).contains(&left), "{left}");
}
