use rstest::rstest;

use super::harmless;

#[rstest]
#[case(
    "=HYPERLINK(\"https://example.com\")",
    "'=HYPERLINK(\"https://example.com\")"
)]
#[case("+1", "'+1")]
#[case("-1", "'-1")]
#[case("@SUM(A1)", "'@SUM(A1)")]
#[case("\t=1", "'\t=1")]
#[case("\r=1", "'\r=1")]
#[case("bird", "bird")]
#[case("a=b", "a=b")]
#[case("", "")]
fn a_name_of_a_feed_is_no_formula(#[case] name: &str, #[case] shown: &str) {
    assert_eq!(harmless(name), shown);
}
