use super::*;
use rstest::rstest;

fn parameters(names: &[(&str, &str)], first: &str, last: &str) -> HourParameters {
    let sent = names
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    HourParameters::between(sent, first.parse().unwrap(), last.parse().unwrap())
}

fn hour() -> HourParameters {
    parameters(
        &[("end_time", "2020-01-01T22")],
        "2020-01-01T22:00:00Z",
        "2020-01-01T22:59:59Z",
    )
}

fn url(query: &str) -> Url {
    Url::parse(&format!("https://mds.example.com/trips?{query}")).unwrap()
}

#[rstest]
#[case::left_out("page=2")]
#[case::as_it_was_sent("page=2&end_time=2020-01-01T22")]
#[case::with_minutes("end_time=2020-01-01T22%3A00")]
#[case::with_seconds("end_time=2020-01-01T22:00:00")]
#[case::with_zone("end_time=2020-01-01T22Z")]
#[case::with_fractions("end_time=2020-01-01T22:00:00.000Z")]
#[case::with_offset("end_time=2020-01-01T16:00:00-06:00")]
#[case::with_escaped_offset("end_time=2020-01-01T22:00:00%2B00:00")]
#[case::with_a_plus("end_time=2020-01-01T22:00:00+00:00")]
#[case::with_a_blank("end_time=2020-01-01%2022:00:00")]
#[case::seconds("end_time=1577916000")]
#[case::milliseconds("end_time=1577916000000")]
fn the_requested_hour_in_any_spelling_is_no_contradiction(#[case] query: &str) {
    assert_eq!(hour().contradiction(&url(query)), None);
}

#[rstest]
#[case::of_the_next_day("end_time=2020-01-02T22", "end_time is 2020-01-02T22:00:00Z there")]
#[case::of_the_next_hour("end_time=1577919600", "end_time is 2020-01-01T23:00:00Z there")]
#[case::of_the_hour_before(
    "end_time=2020-01-01T21:59:59Z",
    "end_time is 2020-01-01T21:59:59Z there"
)]
#[case::in_another_case("End_Time=2020-01-02T22", "end_time is 2020-01-02T22:00:00Z there")]
#[case::a_second_one(
    "end_time=2020-01-01T22&end_time=2020-01-02T22",
    "end_time is 2020-01-02T22:00:00Z there"
)]
#[case::empty("end_time=", "end_time is no time there")]
#[case::no_time("end_time=canary", "end_time is no time there")]
#[case::too_large("end_time=99999999999999999999", "end_time is no time there")]
fn another_hour_is_a_contradiction(#[case] query: &str, #[case] expected: &str) {
    assert_eq!(hour().contradiction(&url(query)).as_deref(), Some(expected));
}

#[rstest]
#[case::all("min_end_time=1577916000000&max_end_time=1577919600000", true)]
#[case::two_minutes("min_end_time=1577916120000&max_end_time=1577916240000", true)]
#[case::earlier("min_end_time=1577912400000&max_end_time=1577919600000", false)]
#[case::later("min_end_time=1577916000000&max_end_time=1577923200000", false)]
fn a_window_may_be_divided_but_not_left(#[case] query: &str, #[case] is_within: bool) {
    let window = parameters(
        &[
            ("min_end_time", "1577916000000"),
            ("max_end_time", "1577919600000"),
        ],
        "2020-01-01T22:00:00Z",
        "2020-01-01T23:00:00Z",
    );
    assert_eq!(window.contradiction(&url(query)).is_none(), is_within);
}

#[test]
fn a_request_without_an_hour_is_not_contradicted() {
    let none = HourParameters::default();
    assert_eq!(none.contradiction(&url("end_time=2020-01-02T22")), None);
}
