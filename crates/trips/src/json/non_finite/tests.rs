use rstest::rstest;

use super::*;

#[rstest]
#[case(r#"{"a":NaN}"#, Some(r#"{"a":null}"#))]
#[case("[Infinity, -Infinity,NaN]", Some("[null, null,null]"))]
#[case("NaN", Some("null"))]
#[case(r#"{"a":"NaN","b":"\"Infinity","c":"\\"}"#, None)]
#[case(r#"{"a\\":NaN,"NaN":1}"#, Some(r#"{"a\\":null,"NaN":1}"#))]
#[case("[1,2]", None)]
fn tokens_outside_of_strings_become_null(#[case] text: &str, #[case] expected: Option<&str>) {
    assert_eq!(
        with_nulls(text.as_bytes()).as_deref(),
        expected.map(str::as_bytes)
    );
}

#[rstest]
#[case(r#"{"a":Na"#, true)]
#[case("[-", true)]
#[case("[-Infinit", true)]
#[case("[-Infinity", false)]
#[case("[1", false)]
fn a_token_may_be_cut_off(#[case] text: &str, #[case] is_cut_off: bool) {
    assert_eq!(ends_within_token(text.as_bytes()), is_cut_off);
}
