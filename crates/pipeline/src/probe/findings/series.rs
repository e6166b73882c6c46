//! Findings about the hours that a feed has, and about what it returns for several of them.

use std::collections::HashSet;

use trips::words::counted;

use super::feed::failure;
use super::{good, harm, note};
use crate::probe::report::{Finding, HourOutcome, ProbedHour, Purpose};
use crate::probe::sample::Sample;

pub(super) fn repeatable(sample: &Sample, again: &ProbedHour) -> Finding {
    let about = "the same twice";
    match (&again.sample, &again.outcome) {
        (Some(other), _) if other.digest == sample.digest => good(about, "the same trips"),
        (Some(other), _) => note(
            about,
            format!(
                "{}, then {}: the trips change",
                counted(sample.trips, "trip"),
                other.trips
            ),
        ),
        (
            None,
            HourOutcome::Failed {
                name,
                message,
                said,
                ..
            },
        ) => {
            let failure = failure(*name, message, said.as_deref());
            note(about, format!("the second request failed: {failure}"))
        }
        (None, _) => note(about, "the second request found no hour"),
    }
}

/// Whether an id is the same trip in each hour; `None` if only one hour has trips.
pub(super) fn ids_of_hours(hours: &[ProbedHour]) -> Option<Finding> {
    let about = "ids of hours";
    let samples: Vec<_> = hours
        .iter()
        // The same hour again may have corrected trips.
        .filter(|hour| hour.purpose != Purpose::Again && hour.trips() > 0)
        .filter_map(|hour| Some((&hour.label, hour.sample.as_ref()?)))
        .collect();
    let mut others = HashSet::new();
    let mut has_pair = false;
    for (index, (label, sample)) in samples.iter().enumerate() {
        let later = samples.iter().skip(index + 1);
        for (_, other) in later.filter(|(other_label, _)| other_label != label) {
            has_pair = true;
            others.extend(sample.ids_of_other_trips(other));
        }
    }
    if !has_pair {
        return None;
    }
    Some(match others.len() {
        0 => good(about, "each is one trip, whatever the hour"),
        n => harm(
            about,
            format!(
                "trip ids begin anew: {} in another, and a load keeps one of them; ask the provider for ids that are \
                 unique for all time",
                counted(n, "id").with("of one hour is another trip", "of one hour are other trips")
            ),
            None,
        ),
    })
}

pub(super) fn old_hour(hour: &ProbedHour) -> Finding {
    let about = "an old hour";
    match &hour.outcome {
        HourOutcome::Ready(report) => good(
            about,
            format!("{}: {}", hour.label, counted(report.trips, "trip")),
        ),
        HourOutcome::NotOperating => note(about, format!("{}: no service (404)", hour.label)),
        HourOutcome::NotYet { http_status } => note(
            about,
            format!(
                "{}: not published yet, says the provider (HTTP {http_status})",
                hour.label
            ),
        ),
        HourOutcome::Failed {
            name,
            message,
            said,
            ..
        } => note(
            about,
            format!(
                "{}: {}; a backfill would fail there",
                hour.label,
                failure(*name, message, said.as_deref())
            ),
        ),
    }
}

pub(super) fn future_hour(hour: &ProbedHour) -> Finding {
    let about = "an hour to come";
    match &hour.outcome {
        HourOutcome::Ready(report) if report.trips > 0 => harm(
            about,
            format!(
                "{} in an hour that has not begun",
                counted(report.trips, "trip")
            ),
            None,
        ),
        HourOutcome::Ready(_) => note(
            about,
            "returned without trips: an hour that is requested too early looks like an empty one, so choose lag_hours with care",
        ),
        HourOutcome::NotYet { http_status } => good(
            about,
            format!("distinguished from an empty one (HTTP {http_status})"),
        ),
        HourOutcome::NotOperating => note(about, "returned as an hour without service (404)"),
        HourOutcome::Failed { name, .. } => good(about, format!("refused ({name})")),
    }
}

pub(super) fn lag(lag: u32, newest_age: Option<i64>) -> Finding {
    let about = "lag";
    match newest_age {
        Some(age) if age <= i64::from(lag) => good(
            about,
            format!(
                "has trips of an hour that ended {age} h ago; hours are requested after {lag} h"
            ),
        ),
        Some(age) => harm(
            about,
            format!(
                "the newest hour with trips ended {age} h ago; hours are requested after {lag} h"
            ),
            Some(&format!("\"lag_hours\": {}", age + 6)),
        ),
        None => note(
            about,
            "no trips in any requested hour of the last week: ask the provider whether its vehicles made trips then",
        ),
    }
}
