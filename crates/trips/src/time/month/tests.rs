//! Which texts are months, and where months begin and end.

use rstest::rstest;

use crate::time::{CivilZone, Month};

#[rstest]
#[case("2020-03", "2020-03")]
#[case(" 2020-3 ", "2020-03")]
#[case("2049-12", "2049-12")]
fn a_month_may_be_padded_or_not(#[case] input: &str, #[case] month: &str) {
    assert_eq!(input.parse::<Month>().unwrap().to_string(), month);
}

#[rstest]
#[case("2020-13", "has the month 13")]
#[case("2020-0", "has the month 0")]
#[case("1999-12", "has the year 1999")]
#[case("2020", "is not a month")]
#[case("2020-03-01", "is not a month")]
#[case("March", "is not a month")]
#[case("+020-03", "is not a month")]
#[case("2020-+3", "is not a month")]
#[case("20-03", "is not a month")]
#[case("", "is not a month")]
fn what_is_no_month_is_refused(#[case] input: &str, #[case] says: &str) {
    let error = input.parse::<Month>().unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

#[test]
fn a_month_begins_and_ends_at_midnight_in_the_city() {
    let zone = CivilZone::default();
    let hours = zone.month("2020-03".parse().unwrap()).unwrap();
    assert_eq!(
        hours.first().start().to_rfc3339(),
        "2020-03-01T06:00:00+00:00"
    );
    assert_eq!(
        hours.end().start().to_rfc3339(),
        "2020-04-01T05:00:00+00:00"
    );
}

#[test]
fn december_is_followed_by_january() {
    let december: Month = "2020-12".parse().unwrap();
    assert_eq!(december.next().unwrap().to_string(), "2021-01");
    let day = "2020-12-31".parse().unwrap();
    assert_eq!(Month::containing(day), december);
}
