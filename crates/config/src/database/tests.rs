use rstest::rstest;

use super::*;

fn parse(text: &str) -> Result<SecretContent, ConfigError> {
    SecretContent::parse(DATABASE_SECRET, &SecretString::from(text))
}

#[test]
fn a_secret_of_rds_has_an_address_and_one_that_rds_manages_has_none() {
    let whole = parse(
        r#"{"engine": "postgres", "host": "db", "port": 5433, "dbname": "mds", "username": "u", "password": "p"}"#,
    )
    .unwrap();
    assert_eq!(
        (whole.host.as_deref(), whole.port, whole.database.as_deref()),
        (Some("db"), Some(5433), Some("mds"))
    );
    let text_port = parse(r#"{"port": "5433", "username": "u", "password": "p"}"#).unwrap();
    assert_eq!(text_port.port, Some(5433));
    let managed = parse(r#"{"username": "u", "password": "p:/@"}"#).unwrap();
    assert_eq!(managed.password.expose_secret(), "p:/@");
    assert_eq!(
        (managed.host, managed.port, managed.database),
        (None, None, None)
    );
}

#[rstest]
#[case("canary", "JSON")]
#[case(r#"["canary"]"#, "JSON")]
#[case(r#"{"username": "canary"}"#, "member password")]
#[case(r#"{"password": "canary"}"#, "member username")]
#[case(r#"{"username": "canary", "password": ""}"#, "member password")]
#[case(r#"{"username": "u", "password": ["canary"]}"#, "member password")]
#[case(
    r#"{"username": "u", "password": "p", "port": "canary"}"#,
    "member port"
)]
fn another_secret_is_refused_by_the_member_that_is_wrong(#[case] text: &str, #[case] word: &str) {
    let error = parse(text).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("DATABASE_SECRET names") && message.contains(word),
        "{message}"
    );
    assert!(!format!("{message} {error:?}").contains("canary"));
}

#[rstest]
#[case("postgres://u:p@host/db", true)]
#[case("postgres://u@host/db", false)]
#[case("postgres://host:5432/db", false)]
fn a_password_in_the_url_is_noticed(#[case] url: &str, #[case] has: bool) {
    assert_eq!(has_password(url), has);
}
