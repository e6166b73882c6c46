use rstest::rstest;
use serde_json::json;

use super::{MAX_CHARS, Secrets, of_body};
use crate::ProviderConfig;

fn secrets() -> Secrets {
    let entry = json!({
        "mds_api_url": "https://mds.example",
        "provider_id": "5bad0000-0000-4000-8000-000000000001",
        "auth_type": "Bearer",
        "token": "hunter",
    });
    Secrets::of_entry(&ProviderConfig::from_value(entry).unwrap())
}

#[rstest]
#[case::mds(
    r#"{"error": "bad_param", "error_description": "end_time is missing", "error_details": []}"#,
    Some("bad_param: end_time is missing")
)]
#[case::inside(
    r#"{"errors": [{"title": "Bad", "detail": "no such hour"}]}"#,
    Some("Bad: no such hour")
)]
#[case::a_configured_secret(
    r#"{"message": "token hunter is not known"}"#,
    Some("token <hidden> is not known")
)]
#[case::a_token(
    r#"{"message": "bearer eyJhbGciOiJIUzI1NiJ9.e30 has expired"}"#,
    Some("bearer <hidden> has expired")
)]
#[case::a_place(
    r#"{"message": "no trip at 30.26715,-97.74306 here"}"#,
    Some("no trip at <hidden> here")
)]
#[case::a_query(
    r#"{"message": "see https://mds.example/help?token=abc now"}"#,
    Some("see https://mds.example/help now")
)]
#[case::trips(r#"{"trips": [{"trip_id": 1}], "payload": "text"}"#, None)]
#[case::html("<html><body>Bad gateway</body></html>", None)]
#[case::cut_off(r#"{"error": "bad_"#, None)]
fn the_words_explain_and_hide(#[case] body: &str, #[case] expected: Option<&str>) {
    assert_eq!(of_body(body.as_bytes(), &secrets()).as_deref(), expected);
}

#[test]
fn long_texts_are_cut_and_control_characters_go() {
    let body = json!({"message": format!("\u{1b}[31mred {}", "word ".repeat(200))});
    let words = of_body(body.to_string().as_bytes(), &secrets()).unwrap();
    assert_eq!(words.chars().count(), MAX_CHARS + 1);
    assert!(!words.contains('\u{1b}'), "{words:?}");
}
