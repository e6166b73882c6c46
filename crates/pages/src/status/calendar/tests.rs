use std::collections::BTreeMap;

use ::trips::block::Hour;
use ::trips::hour_state::HourState;
use chrono::NaiveDate;

use super::*;

/// A civil day from its `first` hour on, with these states.
pub(crate) fn day(date: &str, first: usize, states: &[HourState]) -> DayStatus {
    let zone = CivilZone::default();
    let day: NaiveDate = date.parse().unwrap();
    let hours: Vec<Hour> = zone.day(day).unwrap().iter().collect();
    let mut counts = BTreeMap::new();
    for state in states {
        *counts.entry(*state).or_default() += 1;
    }
    DayStatus {
        day,
        states: counts,
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
    let (x, width) = (day_width(2), day_width(2) - 1);
    let path = &calendar.shapes.paths[&HourState::Whole];
    let rectangle = |x: usize, from: usize, hours: usize| {
        let (y, height) = (from * HOUR, hours * HOUR);
        format!("M{x} {y}h{width}v{height}h-{width}z")
    };
    let expected = [rectangle(0, 0, 24), rectangle(x, 0, 5), rectangle(x, 7, 17)];
    assert_eq!(*path, expected.concat());
    let (failed, words) = &calendar.shapes.with_words[0];
    assert_eq!((failed.x, failed.y / HOUR, failed.height / HOUR), (x, 5, 2));
    assert_eq!(words, "2020-03-03, 5 to 7 h: failed");
}

#[test]
fn a_first_day_begins_at_its_first_hour_and_the_long_day_has_room() {
    let days = [day("2020-11-01", 20, &[HourState::Missing; 5])];
    let calendar = Calendar::new(&CivilZone::default(), &days);
    let shapes = &calendar.shapes.with_words;
    assert_eq!(shapes.len(), 1);
    assert_eq!(shapes[0].0.y, 20 * HOUR);
    assert_eq!(shapes[0].0.y + shapes[0].0.height, HEIGHT);
}

#[test]
fn an_hour_that_is_left_out_leaves_a_gap() {
    let mut today = day("2020-03-02", 0, &[HourState::Failed; 4]);
    today.hours.remove(1);
    let calendar = Calendar::new(&CivilZone::default(), &[today]);
    let shapes = calendar.shapes.with_words.iter();
    let rows: Vec<_> = shapes
        .map(|(shape, _)| (shape.y / HOUR, shape.height / HOUR))
        .collect();
    assert_eq!(rows, [(0, 1), (2, 2)]);
}

#[test]
fn names_of_days_do_not_overlap() {
    let first: NaiveDate = "2019-01-01".parse().unwrap();
    for count in [1, 7, 35, 62, 92] {
        let days: Vec<_> = (first.iter_days().take(count))
            .map(|date| day(&date.to_string(), 0, &[HourState::Empty]))
            .collect();
        let calendar = Calendar::new(&CivilZone::default(), &days);
        assert!(!calendar.marks.is_empty());
        let room = (MARK_ROOM * 1000 / calendar.width).max(1000 / MARKS);
        let marks = &calendar.marks;
        assert!(
            marks
                .windows(2)
                .all(|two| two[1].left - two[0].left >= room - 1)
        );
        assert!(marks.iter().all(|mark| mark.left < 1000));
        assert!(calendar.width <= ROOM || day_width(count) == *WIDTHS.start());
    }
    let one = [day("2019-01-01", 0, &[HourState::Empty])];
    assert_eq!(title(&one), "1 January 2019");
}
