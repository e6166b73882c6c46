//! The forms of a secret that holds Fernet keys.

use rstest::rstest;

use super::*;

fn read(text: &str) -> Result<String, ConfigError> {
    list_of_keys(SecretString::from(text)).map(|list| list.expose_secret().to_owned())
}

#[rstest]
#[case("a,b", "a,b")]
#[case(r#"{"ATD_MDS_FERNET_KEY": "a,b", "other": 1}"#, "a,b")]
#[case(r#"  {"ATD_MDS_FERNET_KEY": "a"}"#, "a")]
fn a_secret_is_the_list_or_an_object_that_holds_it(#[case] text: &str, #[case] list: &str) {
    assert_eq!(read(text).unwrap(), list);
}

#[rstest]
#[case(r#"{"key": "canary"}"#)]
#[case(r#"{"ATD_MDS_FERNET_KEY": ["canary"]}"#)]
#[case(r#"{"ATD_MDS_FERNET_KEY": canary}"#)]
fn another_object_is_refused_and_not_shown(#[case] text: &str) {
    let error = read(text).unwrap_err();
    assert!(
        error.to_string().starts_with("ATD_MDS_FERNET_KEY_SECRET"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("canary"));
}
