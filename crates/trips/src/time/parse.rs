//! Reads the times that people write.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

use super::{CivilZone, TimeError, YEARS};
use crate::block::Hour;

/// A civil hour in the written form.
struct Written {
    start: NaiveDateTime,
    second_occurrence: bool,
}

/// The hour that starts at a civil time or an instant.
pub(super) fn time(zone: &CivilZone, input: &str) -> Result<Hour, TimeError> {
    let input = input.trim();
    if looks_like_an_instant(input) {
        return instant(input);
    }
    let written = civil_hour(input)?;
    if written.second_occurrence {
        return second_occurrence(zone, input, &written);
    }
    zone.first_instant(written.start)
        .map(Hour::containing)
        .ok_or_else(|| not_a_time(input))
}

/// The first instant of a civil day, the start of an hour, or any instant.
pub(super) fn instant_or_day(zone: &CivilZone, input: &str) -> Result<DateTime<Utc>, TimeError> {
    let input = input.trim();
    if looks_like_an_instant(input) {
        return any_instant(input);
    }
    hour_or_day(zone, input).map(|hour| hour.start())
}

/// The first hour of a civil day, or the hour that starts at a time.
pub(super) fn hour_or_day(zone: &CivilZone, input: &str) -> Result<Hour, TimeError> {
    let input = input.trim();
    match *input.split('-').collect::<Vec<_>>() {
        [year, month, day] if !looks_like_an_instant(input) => {
            let midnight = date(input, year, month, day)?.and_time(NaiveTime::MIN);
            zone.first_instant(midnight)
                .map(Hour::containing)
                .ok_or_else(|| not_a_time(input))
        }
        _ => time(zone, input),
    }
}

/// The instant at which a block with this label ends.
pub(crate) fn label(zone: &CivilZone, input: &str) -> Result<Hour, TimeError> {
    let input = input.trim();
    let written = civil_hour(input)?;
    if written.second_occurrence {
        return second_occurrence(zone, input, &written);
    }
    zone.occurrences(written.start)
        .next()
        .map(Hour::containing)
        .ok_or_else(|| skipped(zone, input, &written))
}

fn second_occurrence(zone: &CivilZone, input: &str, written: &Written) -> Result<Hour, TimeError> {
    zone.occurrences(written.start)
        .nth(1)
        .map(Hour::containing)
        .ok_or_else(|| TimeError::NotRepeated {
            input: input.to_owned(),
            zone: zone.name(),
        })
}

fn skipped(zone: &CivilZone, input: &str, written: &Written) -> TimeError {
    match zone.first_instant(written.start) {
        Some(change) => TimeError::Skipped {
            input: input.to_owned(),
            zone: zone.name(),
            next: Hour::containing(change).previous().label(zone),
        },
        None => not_a_time(input),
    }
}

fn looks_like_an_instant(input: &str) -> bool {
    input.contains(':') || matches!(input.as_bytes().get(10), Some(b'T' | b't'))
}

fn any_instant(input: &str) -> Result<DateTime<Utc>, TimeError> {
    let instant = DateTime::parse_from_rfc3339(input)
        .map_err(|_| not_an_instant(input))?
        .with_timezone(&Utc);
    check_year(input, instant.year())?;
    Ok(instant)
}

fn instant(input: &str) -> Result<Hour, TimeError> {
    let instant = any_instant(input)?;
    let hour = Hour::containing(instant);
    if hour.start() == instant {
        Ok(hour)
    } else {
        Err(TimeError::NotWholeHour {
            input: input.to_owned(),
            nearest: hour,
        })
    }
}

/// Most often civil time is meant.
fn not_an_instant(input: &str) -> TimeError {
    let written = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(input, form).ok())
        .or_else(|| {
            let whole = format!("{input}:00");
            NaiveDateTime::parse_from_str(&whole, "%Y-%m-%dT%H:%M").ok()
        });
    match written.filter(|it| it.minute() == 0 && it.second() == 0) {
        Some(written) => TimeError::NoOffset {
            input: input.to_owned(),
            civil: written.format("%Y-%m-%d-%H").to_string(),
            input_with_minutes: written.format("%Y-%m-%dT%H:%M:%S").to_string(),
        },
        None => TimeError::NotAnInstant {
            input: input.to_owned(),
        },
    }
}

fn civil_hour(input: &str) -> Result<Written, TimeError> {
    let (digits, second_occurrence) = match input.strip_suffix('b') {
        Some(digits) => (digits, true),
        None => (input, false),
    };
    let (date, hour) = match *digits.split('-').collect::<Vec<_>>() {
        [year, month, day] if !second_occurrence => {
            date(input, year, month, day)?;
            return Err(TimeError::NoHour {
                input: input.to_owned(),
            });
        }
        [year, month, day, hour] => (date(input, year, month, day)?, number(input, hour, 2)?),
        _ => return Err(not_a_time(input)),
    };
    let start = date.and_time(hour_of_day(input, date, hour)?);
    Ok(Written {
        start,
        second_occurrence,
    })
}

fn date(input: &str, year: &str, month: &str, day: &str) -> Result<NaiveDate, TimeError> {
    if year.len() != 4 {
        return Err(not_a_time(input));
    }
    let year = i32::try_from(number(input, year, 4)?).map_err(|_| not_a_time(input))?;
    let month = number(input, month, 2)?;
    let day = number(input, day, 2)?;
    check_year(input, year)?;
    let last = last_day(year, month).ok_or_else(|| TimeError::Month {
        input: input.to_owned(),
        month,
    })?;
    NaiveDate::from_ymd_opt(year, month, day).ok_or_else(|| TimeError::Day {
        input: input.to_owned(),
        day,
        last,
    })
}

fn hour_of_day(input: &str, date: NaiveDate, hour: u32) -> Result<NaiveTime, TimeError> {
    NaiveTime::from_hms_opt(hour, 0, 0).ok_or_else(|| {
        let input = input.to_owned();
        match date.checked_add_days(Days::new(1)) {
            Some(next) if hour == 24 => TimeError::HourTwentyFour {
                input,
                next: next.format("%Y-%m-%d-00").to_string(),
            },
            _ => TimeError::HourOfDay { input, hour },
        }
    })
}

/// The first day of a month, `yyyy-mm`.
pub(super) fn month(input: &str) -> Result<NaiveDate, TimeError> {
    let not_a_month = |_| TimeError::NotAMonth {
        input: input.to_owned(),
    };
    let (year, month) = input.split_once('-').ok_or(()).map_err(not_a_month)?;
    if !is_number(year, 4) || year.len() != 4 || !is_number(month, 2) {
        return Err(not_a_month(()));
    }
    date(input, year, month, "1")
}

fn number(input: &str, text: &str, max_digits: usize) -> Result<u32, TimeError> {
    match text.parse() {
        Ok(number) if is_number(text, max_digits) => Ok(number),
        _ => Err(not_a_time(input)),
    }
}

fn is_number(text: &str, max_digits: usize) -> bool {
    (1..=max_digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_year(input: &str, year: i32) -> Result<(), TimeError> {
    if YEARS.contains(&year) {
        Ok(())
    } else {
        Err(TimeError::Year {
            input: input.to_owned(),
            year,
        })
    }
}

fn last_day(year: i32, month: u32) -> Option<u32> {
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    Some(u32::from(first.num_days_in_month()))
}

fn not_a_time(input: &str) -> TimeError {
    TimeError::NotATime {
        input: input.to_owned(),
    }
}
