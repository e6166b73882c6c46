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
fn only_a_name_is_taken_as_a_code(#[case] body: &str, #[case] code: Option<&str>) {
    assert_eq!(error_code(body.as_bytes()).as_deref(), code);
}

#[test]
fn the_wrong_one_of_two_ids_is_told_from_a_missing_right() {
    let synced = br#"{"error":true,"message":"synced, no manual update"}"#;
    assert!(advice(403, synced).contains("take the other one"));
    assert!(advice(403, b"{}").contains("SOCRATA_KEY_ID"));
}
