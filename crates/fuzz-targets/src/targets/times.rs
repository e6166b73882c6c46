//! Times that people write, labels of blocks, months, and time zones.
//!
//! The first line is a zone, the others are times.

use chrono::{DateTime, Datelike as _, Utc};
use trips::block::{Block, Hour, TimeWindow};
use trips::time::{CivilZone, Month, TimeError};

use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "US/Central",
    "Europe/London",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "America/Havana",
    "Asia/Kolkata",
    "UTC",
    "2020-11-01-01",
    "2020-11-01-01b",
    "2020-03-08-02",
    "2020-02-29-24",
    "2011-12-30-00",
    "2049-12-31-23",
    "2000-01-01-00",
    "T00:00:00Z",
    "2020-01-31T17:00:00-06:00",
    "2016-12-31T23:59:60Z",
    "+14:00",
    "-00:00",
    "2020-13",
    "b",
    "\n",
];

/// Hours at the very ends of the calendar have labels in years that cannot be written.
const INNER_YEARS: std::ops::RangeInclusive<i32> = 2001..=2048;

pub(super) fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let mut lines = text.lines();
    let zone = lines.next().unwrap_or_default();
    let zone = match zone.parse::<CivilZone>() {
        Ok(parsed) => {
            assert_eq!(parsed.name(), zone);
            parsed
        }
        Err(error) => {
            check_message(&error.to_string());
            CivilZone::default()
        }
    };
    let times: Vec<Option<Hour>> = lines.take(4).map(|line| check_time(&zone, line)).collect();
    if let [time_min, time_max, ..] = times.as_slice() {
        check_window(*time_min, *time_max);
    }
}

fn check_time(zone: &CivilZone, text: &str) -> Option<Hour> {
    let time = zone.parse_time(text);
    match &time {
        Ok(hour) => check_hour(zone, *hour),
        Err(error) => check_error(zone, error),
    }
    match zone.parse_day_or_hour(text) {
        Ok(hour) => {
            check_hour(zone, hour);
            assert!(
                time.is_err() || time.as_ref() == Ok(&hour),
                "a day in place of a time"
            );
            assert_eq!(zone.parse_day_or_instant(text), Ok(hour.start()));
        }
        Err(error) => {
            assert!(time.is_err(), "a time is refused as a day or hour");
            check_error(zone, &error);
        }
    }
    if let Err(error) = zone.parse_day_or_instant(text) {
        check_error(zone, &error);
    }
    match Hour::from_label(zone, text) {
        Ok(hour) => {
            check_hour(zone, hour);
            let label = hour.label(zone);
            assert_eq!(Hour::from_label(zone, &label), Ok(hour));
            // Labels may be written without leading zeros.
            let digits = |text: &str| text.replace(['-', '0'], "");
            assert_eq!(
                digits(text.trim()),
                digits(&label),
                "the label of another block"
            );
        }
        Err(error) => check_error(zone, &error),
    }
    match text.parse::<Month>() {
        Ok(month) => assert_eq!(month.to_string().parse(), Ok(month)),
        Err(error) => check_error(zone, &error),
    }
    time.ok()
}

fn is_inner(hour: Hour) -> bool {
    INNER_YEARS.contains(&hour.start().year())
}

/// Every hour has one label, which is its own, and commands that name it mean it.
fn check_hour(zone: &CivilZone, hour: Hour) {
    assert_eq!(Hour::starting_at(hour.start()), Ok(hour));
    assert!(hour.contains(hour.start()) && !hour.contains(hour.end()));
    if !is_inner(hour) {
        return;
    }
    assert_eq!(hour.next().previous(), hour);
    let label = hour.label(zone);
    assert_eq!(
        Hour::from_label(zone, &label),
        Ok(hour),
        "the label {label} is of another hour"
    );
    assert_ne!(
        hour.next().label(zone),
        label,
        "two hours have the label {label}"
    );
    let end = hour.end_argument(zone);
    assert_eq!(
        zone.parse_time(&end).map(|end| end.start()),
        Ok(hour.end()),
        "the argument {end} is another time"
    );
    let block = Block {
        provider: "bird".parse().unwrap(),
        hour,
    };
    assert!(block.name(zone).ends_with(&label) && block.command(zone).ends_with(&end));
}

/// The way out that a message names is one.
fn check_error(zone: &CivilZone, error: &TimeError) {
    check_message(&error.to_string());
    let inner = |year: i32| INNER_YEARS.contains(&year);
    match error {
        TimeError::NoHour { input } => {
            assert!(zone.parse_time(&format!("{input}-00")).is_ok(), "{error}");
        }
        TimeError::HourTwentyFour { next, .. } => {
            let year = next[..4].parse().unwrap();
            assert!(!inner(year) || zone.parse_time(next).is_ok(), "{error}");
        }
        TimeError::Skipped { next, .. } => {
            assert!(Hour::from_label(zone, next).is_ok(), "{error}");
        }
        TimeError::NotRepeated { input, .. } => {
            let without = input.strip_suffix('b').unwrap();
            assert!(zone.parse_time(without).is_ok(), "{error}");
        }
        TimeError::NoOffset {
            civil,
            input_with_minutes,
            ..
        } if inner(civil[..4].parse().unwrap_or(0)) => {
            assert!(zone.parse_time(civil).is_ok(), "{error}");
            assert!(
                zone.parse_time(&format!("{input_with_minutes}Z")).is_ok(),
                "{error}"
            );
        }
        TimeError::NotWholeHour { nearest, .. } => check_hour(zone, *nearest),
        _ => {}
    }
}

fn check_window(time_min: Option<Hour>, time_max: Option<Hour>) {
    let now: DateTime<Utc> = "2020-06-01T12:30:00Z".parse().unwrap();
    for interval in [None, Some(0), Some(3), Some(u32::MAX)] {
        let window = TimeWindow {
            time_min,
            time_max,
            interval,
        };
        match window.resolve(now) {
            Ok(resolved) => {
                let hours = resolved.range.map_or(0, |range| range.len()) + resolved.not_ended;
                assert!(hours > 0, "a window without an hour");
                if let (Some(time_min), Some(time_max)) = (time_min, time_max) {
                    let due = (time_max.start() - time_min.start()).num_hours();
                    assert_eq!(i64::try_from(hours), Ok(due), "hours are lost");
                }
                if let Some(range) = resolved.range {
                    assert!(range.end().start() <= now, "an hour that has not ended");
                }
            }
            Err(error) => check_message(&error.to_string()),
        }
    }
}
