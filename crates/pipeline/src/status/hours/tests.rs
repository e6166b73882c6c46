use chrono::{DateTime, Utc};
use trips::block::HourRange;
use trips::status::BlockStatus;

use super::*;

fn hour(text: &str) -> Hour {
    Hour::containing(text.parse::<DateTime<Utc>>().unwrap())
}

fn row(start: &str, status: BlockStatus) -> HourRow {
    HourRow {
        hour: hour(start),
        state: status.into(),
        status: Some(status),
        fetched: Some(10),
        rejected: 1,
        duplicates: 2,
        late: 3,
        message: None,
    }
}

/// An hour that no run has planned.
fn missing(start: Hour) -> HourRow {
    HourRow {
        hour: start,
        state: HourState::Missing,
        status: None,
        fetched: None,
        rejected: 0,
        duplicates: 0,
        late: 0,
        message: None,
    }
}

fn status_with(has_portal: bool, due: &str, rows: &[HourRow]) -> ProviderStatus {
    let (zone, bird) = (CivilZone::default(), "bird".parse().unwrap());
    let mut tally = Tally::new(&zone, &bird, hour(due), has_portal);
    rows.iter().for_each(|row| tally.add(row));
    tally.end("2020-03-02T12:30:00Z".parse().unwrap())
}

fn status(due: &str, rows: &[HourRow]) -> ProviderStatus {
    status_with(true, due, rows)
}

#[test]
fn hours_are_counted_by_state_and_day() {
    let rows = [
        row("2020-03-02T06:00:00Z", BlockStatus::Published),
        missing(hour("2020-03-02T07:00:00Z")),
        HourRow {
            fetched: Some(0),
            ..row("2020-03-02T08:00:00Z", BlockStatus::NoTrips)
        },
        missing(hour("2020-03-02T09:00:00Z")),
    ];
    let status = status("2020-03-02T10:00:00Z", &rows);
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
    assert_eq!(
        status.newest_hour_with_trips.as_deref(),
        Some("2020-03-02-01")
    );
    // It ended at 9:00, and now it is half past twelve.
    assert_eq!(status.hours_since_newest, Some(3));
    assert_eq!((status.trips_fetched, status.trips_rejected), (10, 2));
    assert_eq!(status.days.len(), 1);
    assert_eq!(status.days[0].hours.len(), 4);
    assert_eq!(status.days[0].trips, 10);
    let incomplete: Vec<_> = status.days[0]
        .incomplete
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(incomplete, ["2020-03-02-02", "2020-03-02-04"]);
}

#[test]
fn an_hour_that_failed_before_it_is_due_needs_nobody() {
    let rows = [
        row("2020-03-02T09:00:00Z", BlockStatus::Published),
        row("2020-03-02T13:00:00Z", BlockStatus::ExtractFailed),
    ];
    let status = status("2020-03-02T10:00:00Z", &rows);
    assert_eq!(status.states[&HourState::Failed], 1);
    assert!(!status.problems[0].needs_a_person);
}

#[test]
fn the_days_of_a_clock_change_have_23_and_25_hours() {
    let from = |first: &str, end: &str| {
        let range = HourRange::new(hour(first), hour(end)).unwrap();
        let rows: Vec<_> = range.iter().map(missing).collect();
        status(end, &rows)
    };
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
    let status = status("2020-03-02T10:00:00Z", &[]);
    assert_eq!(status.hours, 0);
    assert_eq!(status.hours_since_newest, None);
    assert!(status.days.is_empty() && status.problems.is_empty());
}

#[test]
fn without_a_portal_an_hour_is_whole_once_it_is_loaded() {
    let statuses = [
        BlockStatus::Loaded,
        BlockStatus::LoadedWithRejects,
        BlockStatus::PublishFailed,
    ];
    let rows = statuses.map(|status| row("2020-03-02T06:00:00Z", status));
    for row in rows {
        let state = |has_portal| {
            let status = status_with(
                has_portal,
                "2020-03-02T10:00:00Z",
                std::slice::from_ref(&row),
            );
            status.states.into_keys().next().unwrap()
        };
        assert_eq!(state(false), HourState::Whole);
        assert_ne!(state(true), HourState::Whole);
    }
    let archived = [row("2020-03-02T06:00:00Z", BlockStatus::Archived)];
    let status = status_with(false, "2020-03-02T10:00:00Z", &archived);
    assert_eq!(status.states[&HourState::UnderWay], 1);
}
