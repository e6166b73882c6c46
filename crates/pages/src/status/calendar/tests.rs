use std::collections::BTreeMap;

use ::trips::block::Hour;
use chrono::NaiveDate;
use pipeline::HourStatus;

use super::*;

/// A civil day from its `first` hour on, with these states.
fn day(date: &str, first: usize, states: &[HourState]) -> DayStatus {
    let zone = CivilZone::default();
    let day: NaiveDate = date.parse().unwrap();
    let hours: Vec<Hour> = zone.day(day).unwrap().iter().collect();
    DayStatus {
        day,
        states: BTreeMap::new(),
        trips: 0,
        incomplete: BTreeMap::new(),
        hours: states
            .iter()
            .zip(&hours[first..])
            .map(|(state, hour)| HourStatus {
                hour: *hour,
                state: *state,
                trips: None,
            })
            .collect(),
    }
}

#[test]
fn consecutive_hours_in_the_same_state_are_one_shape() {
    let whole = [HourState::Whole; 24];
    let mut mixed = whole;
    mixed[5] = HourState::Failed;
    mixed[6] = HourState::Failed;
    let days = [day("2020-03-02", 0, &whole), day("2020-03-03", 0, &mixed)];
    let calendar = Calendar::new(&CivilZone::default(), &days);
    let shapes: Vec<_> = (calendar.runs.iter())
        .map(|run| (run.x, run.y / HOUR, run.height / HOUR, run.class))
        .collect();
    let x = calendar.day_width;
    assert_eq!(
        shapes,
        [
            (0, 0, 24, "whole"),
            (x, 0, 5, "whole"),
            (x, 5, 2, "failed"),
            (x, 7, 17, "whole")
        ]
    );
    assert_eq!(calendar.runs[2].words, "2020-03-03, 5 to 7 h: failed");
}

#[test]
fn a_first_day_begins_at_its_first_hour_and_the_long_day_has_room() {
    let days = [day("2020-11-01", 20, &[HourState::Whole; 5])];
    let calendar = Calendar::new(&CivilZone::default(), &days);
    assert_eq!(calendar.runs.len(), 1);
    assert_eq!(calendar.runs[0].y, 20 * HOUR);
    assert_eq!(calendar.runs[0].y + calendar.runs[0].height, HEIGHT);
}

#[test]
fn names_of_days_do_not_overlap() {
    let first: NaiveDate = "2019-01-01".parse().unwrap();
    for count in [1, 7, 35, 81, 365] {
        let days: Vec<_> = (first.iter_days().take(count))
            .map(|date| day(&date.to_string(), 0, &[HourState::Empty]))
            .collect();
        let calendar = Calendar::new(&CivilZone::default(), &days);
        assert!(!calendar.marks.is_empty());
        assert!(
            calendar
                .marks
                .windows(2)
                .all(|two| two[1].x - two[0].x >= 60)
        );
        assert!(
            calendar.width <= 365 * 3 || count < 82,
            "{}",
            calendar.width
        );
    }
}
