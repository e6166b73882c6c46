//! Every form of time in a command line or an event, valid and invalid, with the exact message.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use chrono::{DateTime, Utc};
use rstest::rstest;
use trips::block::Hour;
use trips::time::CivilZone;

fn zone(name: &str) -> CivilZone {
    name.parse().unwrap()
}

fn hour(start: &str) -> Hour {
    Hour::starting_at(start.parse::<DateTime<Utc>>().unwrap()).unwrap()
}

#[rstest]
#[case::winter("US/Central", "2020-01-01-23", "2020-01-02T05:00:00Z")]
#[case::summer("US/Central", "2020-07-01-00", "2020-07-01T05:00:00Z")]
#[case::unpadded("US/Central", "2020-1-1-5", "2020-01-01T11:00:00Z")]
#[case::blanks_around("US/Central", "  2020-01-01-05\n", "2020-01-01T11:00:00Z")]
#[case::leap_day("US/Central", "2020-02-29-00", "2020-02-29T06:00:00Z")]
#[case::first_that_can_be_written("US/Central", "2000-01-01-00", "2000-01-01T06:00:00Z")]
#[case::last_that_can_be_written("US/Central", "2049-12-31-23", "2050-01-01T05:00:00Z")]
#[case::repeated_means_the_first("US/Central", "2020-11-01-01", "2020-11-01T06:00:00Z")]
#[case::second_occurrence("US/Central", "2020-11-01-01b", "2020-11-01T07:00:00Z")]
#[case::skipped_means_the_change("US/Central", "2020-03-08-02", "2020-03-08T08:00:00Z")]
#[case::after_the_skipped("US/Central", "2020-03-08-03", "2020-03-08T08:00:00Z")]
#[case::east_of_utc("Australia/Brisbane", "2020-01-01-05", "2019-12-31T19:00:00Z")]
#[case::skipped_in_london("Europe/London", "2021-03-28-01", "2021-03-28T01:00:00Z")]
#[case::second_in_london("Europe/London", "2021-10-31-01b", "2021-10-31T01:00:00Z")]
#[case::skipped_at_midnight("America/Havana", "2021-03-14-00", "2021-03-14T05:00:00Z")]
#[case::two_hours_skipped("Antarctica/Troll", "2021-03-28-02", "2021-03-28T01:00:00Z")]
#[case::a_day_skipped("Pacific/Apia", "2011-12-30-07", "2011-12-30T10:00:00Z")]
#[case::clocks_change_at_one_past_midnight(
    "America/Goose_Bay",
    "2009-11-01-00b",
    "2009-11-01T04:00:00Z"
)]
#[case::instant("US/Central", "2020-01-31T23:00:00Z", "2020-01-31T23:00:00Z")]
#[case::instant_with_fraction("US/Central", "2020-01-31T23:00:00.000Z", "2020-01-31T23:00:00Z")]
#[case::instant_of_another_zone("US/Central", "2020-01-31T17:00:00-06:00", "2020-01-31T23:00:00Z")]
#[case::instant_of_a_half_hour_zone(
    "US/Central",
    "2020-01-31T05:30:00+05:30",
    "2020-01-31T00:00:00Z"
)]
fn reads(#[case] zone_name: &str, #[case] input: &str, #[case] start: &str) {
    assert_eq!(zone(zone_name).parse_time(input), Ok(hour(start)));
}

#[rstest]
#[case::nothing(
    "",
    "`` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
#[case::a_word(
    "yesterday",
    "`yesterday` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
#[case::a_month(
    "2020-01",
    "`2020-01` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
#[case::minutes(
    "2020-01-01-05-30",
    "`2020-01-01-05-30` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
#[case::a_sign(
    "2020-01-01-+5",
    "`2020-01-01-+5` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
#[case::a_negative_hour(
    "2020-01-01--5",
    "`2020-01-01--5` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
#[case::three_digits(
    "2020-01-01-005",
    "`2020-01-01-005` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
#[case::short_year(
    "20-01-01-05",
    "`20-01-01-05` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
#[case::slashes(
    "2020/01/01/05",
    "`2020/01/01/05` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
#[case::another_alphabet(
    "2020-01-01-٠٥",
    "`2020-01-01-٠٥` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
#[case::two_b(
    "2020-11-01-01bb",
    "`2020-11-01-01bb` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
#[case::a_date(
    "2020-01-31",
    "`2020-01-31` has no hour; write `2020-01-31-00` for the start of that day"
)]
#[case::year_too_early(
    "1999-12-31-23",
    "`1999-12-31-23` has the year 1999; use a year from 2000 to 2049"
)]
#[case::year_too_late(
    "2050-01-01-00",
    "`2050-01-01-00` has the year 2050; use a year from 2000 to 2049"
)]
#[case::month_13(
    "2020-13-01-00",
    "`2020-13-01-00` has the month 13; use a month from 01 to 12"
)]
#[case::month_0(
    "2020-00-01-00",
    "`2020-00-01-00` has the month 0; use a month from 01 to 12"
)]
#[case::no_leap_day(
    "2021-02-29-00",
    "`2021-02-29-00` has the day 29; use a day from 01 to 28, the last of that month"
)]
#[case::day_0(
    "2020-01-00-00",
    "`2020-01-00-00` has the day 0; use a day from 01 to 31, the last of that month"
)]
#[case::day_32_without_an_hour(
    "2020-01-32",
    "`2020-01-32` has the day 32; use a day from 01 to 31, the last of that month"
)]
#[case::hour_24(
    "2020-01-01-24",
    "`2020-01-01-24` has the hour 24; use an hour from 00 to 23, or `2020-01-02-00` for the end of that day"
)]
#[case::hour_24_of_the_last_day(
    "2020-12-31-24",
    "`2020-12-31-24` has the hour 24; use an hour from 00 to 23, or `2021-01-01-00` for the end of that day"
)]
#[case::hour_25(
    "2020-01-01-25",
    "`2020-01-01-25` has the hour 25; use an hour from 00 to 23"
)]
#[case::not_repeated(
    "2020-11-01-02b",
    "`2020-11-01-02b` names the second occurrence of an hour that the clocks of US/Central do not repeat; leave out the `b`"
)]
#[case::second_of_a_skipped_hour(
    "2020-03-08-02b",
    "`2020-03-08-02b` names the second occurrence of an hour that the clocks of US/Central do not repeat; leave out the `b`"
)]
#[case::instant_without_offset(
    "2020-01-31T23:00:00",
    "`2020-01-31T23:00:00` has no offset from UTC; write `2020-01-31-23` for civil time, or `2020-01-31T23:00:00Z` for UTC"
)]
#[case::instant_of_an_hour(
    "2020-01-31T23",
    "`2020-01-31T23` has no offset from UTC; write `2020-01-31-23` for civil time, or `2020-01-31T23:00:00Z` for UTC"
)]
#[case::instant_of_hour_24(
    "2020-01-31T24:00:00Z",
    "`2020-01-31T24:00:00Z` is not an instant of RFC 3339; write date, time and offset, such as 2020-01-31T23:00:00Z or 2020-01-31T17:00:00-06:00"
)]
#[case::instant_within_an_hour(
    "2020-01-31T22:30:00Z",
    "`2020-01-31T22:30:00Z` is not on a whole hour; use 2020-01-31T22:00:00Z or 2020-01-31T23:00:00Z"
)]
#[case::instant_a_millisecond_early(
    "2020-01-31T22:59:59.999Z",
    "`2020-01-31T22:59:59.999Z` is not on a whole hour; use 2020-01-31T22:00:00Z or 2020-01-31T23:00:00Z"
)]
#[case::instant_on_a_leap_second(
    "2016-12-31T23:59:60Z",
    "`2016-12-31T23:59:60Z` is not on a whole hour; use 2016-12-31T23:00:00Z or 2017-01-01T00:00:00Z"
)]
#[case::instant_too_early(
    "1970-01-01T00:00:00Z",
    "`1970-01-01T00:00:00Z` has the year 1970; use a year from 2000 to 2049"
)]
fn refuses(#[case] input: &str, #[case] message: &str) {
    let error = CivilZone::default().parse_time(input).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[rstest]
#[case::skipped(
    "2020-03-08-02",
    "`2020-03-08-02` is not the label of a block, because the clocks of US/Central skip that hour; use `2020-03-08-03`"
)]
#[case::hour_24(
    "2020-01-01-24",
    "`2020-01-01-24` has the hour 24; use an hour from 00 to 23, or `2020-01-02-00` for the end of that day"
)]
#[case::an_instant(
    "2020-01-01T05:00:00Z",
    "`2020-01-01T05:00:00Z` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
)]
fn refuses_as_a_label(#[case] label: &str, #[case] message: &str) {
    let error = Hour::from_label(&CivilZone::default(), label).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[rstest]
#[case::newfoundland("America/St_Johns", "-03:30")]
#[case::india("Asia/Kolkata", "+05:30")]
#[case::nepal("Asia/Kathmandu", "+05:45")]
#[case::only_in_winter("Australia/Lord_Howe", "+10:30")]
#[case::only_until_2016("America/Caracas", "-04:30")]
fn refuses_a_zone_off_the_hour(#[case] name: &str, #[case] offset: &str) {
    let error = name.parse::<CivilZone>().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the time zone `{name}` is {offset} from UTC, and blocks need whole hours; use a zone \
             whose offset from 2000 to 2049 is always a whole number of hours"
        )
    );
}

#[rstest]
#[case::a_city("Austin")]
#[case::an_abbreviation("CDT")]
#[case::nothing("")]
#[case::lower_case("us/central")]
fn refuses_an_unknown_zone(#[case] name: &str) {
    let error = name.parse::<CivilZone>().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`{name}` is not a time zone; use a name of the IANA database, such as US/Central or Europe/London"
        )
    );
}

#[test]
fn a_zone_keeps_its_name_in_json() {
    let json = serde_json::to_string(&CivilZone::default()).unwrap();
    assert_eq!(json, r#""US/Central""#);
    assert_eq!(
        serde_json::from_str::<CivilZone>(&json).unwrap(),
        CivilZone::default()
    );
    assert!(serde_json::from_str::<CivilZone>(r#""Asia/Kolkata""#).is_err());
}

#[rstest]
#[case::a_day_begins_in_the_city("2020-07-01", "2020-07-01T05:00:00Z")]
#[case::unpadded(" 2020-7-1", "2020-07-01T05:00:00Z")]
#[case::an_hour("2020-07-01-03", "2020-07-01T08:00:00Z")]
#[case::an_instant("2020-07-01T08:00:00Z", "2020-07-01T08:00:00Z")]
fn a_report_begins_with_a_day_or_an_hour(#[case] input: &str, #[case] expected: &str) {
    let zone = zone("US/Central");
    assert_eq!(zone.parse_day_or_hour(input).unwrap(), hour(expected));
    let instant = zone.parse_day_or_instant(input).unwrap();
    assert_eq!(instant, hour(expected).start());
}

#[test]
fn a_report_may_begin_at_any_instant() {
    let zone = zone("US/Central");
    let input = "2020-07-01T08:15:30.25-05:00";
    let instant = zone.parse_day_or_instant(input).unwrap();
    assert_eq!(instant.to_rfc3339(), "2020-07-01T13:15:30.250+00:00");
    let error = zone.parse_day_or_hour(input).unwrap_err();
    assert!(error.to_string().contains("whole hour"), "{error}");
    let error = zone.parse_day_or_instant("2020-02-30").unwrap_err();
    assert!(error.to_string().contains("2020-02-30"), "{error}");
}
