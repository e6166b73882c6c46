use rstest::rstest;

use super::*;

#[rstest]
#[case("2020-03", "2020-03-01", "2020-04-01")]
#[case("2020-3", "2020-03-01", "2020-04-01")]
#[case("2020-12", "2020-12-01", "2021-01-01")]
fn a_month_ends_where_the_next_one_begins(
    #[case] text: &str,
    #[case] first: NaiveDate,
    #[case] next: NaiveDate,
) {
    assert_eq!(month(text), Ok(Month { first, next }));
}

#[rstest]
#[case("2020-13")]
#[case("2020-00")]
#[case("2020")]
#[case("20-03")]
#[case("2020-03-01")]
#[case("march")]
#[case("2020-+3")]
fn anything_else_is_refused(#[case] text: &str) {
    assert!(month(text).is_err());
}
