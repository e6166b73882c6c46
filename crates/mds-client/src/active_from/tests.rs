use rstest::rstest;

use super::*;

fn start(text: &str, zone: &str) -> String {
    let hour = ActiveFrom::parse(text)
        .unwrap()
        .hour(&zone.parse().unwrap());
    hour.unwrap().start().to_rfc3339()
}

#[rstest]
#[case("2020-03-01-00", "US/Central", "2020-03-01T06:00:00+00:00")]
#[case(" 2020-3-1-0 ", "Europe/London", "2020-03-01T00:00:00+00:00")]
#[case("2020-03-01T06:00:00Z", "Europe/London", "2020-03-01T06:00:00+00:00")]
#[case("2020-11-01-01b", "US/Central", "2020-11-01T07:00:00+00:00")]
#[case("2020-10-25-01b", "Europe/London", "2020-10-25T01:00:00+00:00")]
#[case("2020-10-25-01b", "US/Central", "2020-10-25T06:00:00+00:00")]
fn a_time_is_read_as_on_the_command_line(
    #[case] text: &str,
    #[case] zone: &str,
    #[case] expected: &str,
) {
    assert_eq!(start(text, zone), expected);
}

#[rstest]
#[case("2021-03-01")]
#[case("2021-03-01-24")]
#[case("2020-13-01-00")]
#[case("2020-03-01T06:30:00Z")]
#[case("yesterday")]
fn what_is_not_an_hour_is_refused_without_its_value(#[case] text: &str) {
    let error = ActiveFrom::parse(text).unwrap_err();
    assert_eq!(error.key, "active_from");
    assert!(!error.to_string().contains(text), "{error}");
}
