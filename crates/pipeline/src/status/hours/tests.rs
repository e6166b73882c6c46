use chrono::{DateTime, Utc};
use trips::status::BlockStatus;

use super::*;

fn hour(text: &str) -> Hour {
    Hour::containing(text.parse::<DateTime<Utc>>().unwrap())
}

fn row(start: &str, status: BlockStatus) -> HourRow {
    HourRow {
        provider: "bird".parse().unwrap(),
        hour: hour(start),
        status,
        fetched: Some(10),
        rejected: 1,
        duplicates: 2,
        late: 3,
        message: None,
    }
}

fn status(first: Option<&str>, due: &str, rows: &[HourRow]) -> ProviderStatus {
    let span = Span {
        since: hour("2020-03-01T06:00:00Z"),
        first: first.map(hour),
        due: hour(due),
    };
    provider_status(&CivilZone::default(), &"bird".parse().unwrap(), span, rows)
}

#[test]
fn an_hour_without_a_row_is_missing_once_it_is_due() {
    let rows = [
        row("2020-03-02T06:00:00Z", BlockStatus::Published),
        row("2020-03-02T08:00:00Z", BlockStatus::NoTrips),
    ];
    let status = status(Some("2020-03-02T06:00:00Z"), "2020-03-02T10:00:00Z", &rows);
    assert_eq!(status.hours, 4);
    let states: Vec<_> = status.states.into_iter().collect();
    assert_eq!(
        states,
        [
            (HourState::Whole, 1),
            (HourState::Empty, 1),
            (HourState::Missing, 2)
        ]
    );
    // Its hours are labelled with their ends in civil time.
    assert_eq!(status.newest_hour.as_deref(), Some("2020-03-02-03"));
    assert_eq!(status.hours_behind, 3, "from 07:00 UTC on");
    assert_eq!((status.trips_fetched, status.trips_rejected), (20, 2));
    assert_eq!(status.days.len(), 1);
    assert_eq!(status.days[0].hours.len(), 4);
    assert_eq!(status.days[0].trips, 20);
    let incomplete: Vec<_> = status.days[0]
        .incomplete
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(incomplete, ["2020-03-02-02", "2020-03-02-04"]);
}

#[test]
fn an_hour_that_is_not_due_counts_only_if_something_of_it_is_there() {
    let rows = [
        row("2020-03-02T09:00:00Z", BlockStatus::Published),
        row("2020-03-02T10:00:00Z", BlockStatus::Published),
        row("2020-03-02T11:00:00Z", BlockStatus::NotPublished),
        row("2020-03-02T12:00:00Z", BlockStatus::New),
        row("2020-03-02T13:00:00Z", BlockStatus::ExtractFailed),
    ];
    let status = status(Some("2020-03-02T09:00:00Z"), "2020-03-02T10:00:00Z", &rows);
    assert_eq!(status.hours, 3);
    assert_eq!(status.states[&HourState::Failed], 1);
    assert_eq!(status.hours_behind, 0, "what is due is whole");
}

#[test]
fn the_days_of_a_clock_change_have_23_and_25_hours() {
    let from = |first: &str, due: &str| status(Some(first), due, &[]);
    let spring = from("2020-03-08T06:00:00Z", "2020-03-09T05:00:00Z");
    assert_eq!(spring.days.len(), 1);
    assert_eq!(spring.days[0].hours.len(), 23);
    let autumn = from("2020-11-01T05:00:00Z", "2020-11-02T06:00:00Z");
    assert_eq!(autumn.days.len(), 1);
    assert_eq!(autumn.days[0].hours.len(), 25);
    assert!(autumn.days[0].incomplete.contains_key("2020-11-01-01b"));
}

#[test]
fn a_provider_that_has_not_begun_has_no_hours() {
    let status = status(None, "2020-03-02T10:00:00Z", &[]);
    assert_eq!((status.hours, status.hours_behind), (0, 0));
    assert!(status.days.is_empty() && status.problems.is_empty());
}

#[test]
fn hours_before_the_report_begins_are_left_out() {
    let status = status(Some("2019-01-01T00:00:00Z"), "2020-03-01T08:00:00Z", &[]);
    assert_eq!(status.hours, 2);
}

#[test]
fn hours_without_a_row_are_expected_only_of_an_enabled_provider_and_from_its_start_on() {
    let rows = [
        row("2020-03-02T06:00:00Z", BlockStatus::Published),
        row("2020-03-02T08:00:00Z", BlockStatus::Published),
    ];
    let due = "2020-03-02T12:00:00Z";
    assert_eq!(status(None, due, &rows).hours, 2);
    let with_start = status(Some("2020-03-02T09:00:00Z"), due, &rows);
    assert_eq!(with_start.hours, 5);
    assert_eq!(with_start.states[&HourState::Missing], 3);
}
