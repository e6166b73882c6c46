//! From answers to conclusions.

use std::collections::HashSet;

use mds_client::{HourReport, MdsVersion, ProviderConfig};
use trips::trip::Flag;
use uuid::Uuid;

use super::sample::Sample;
use super::{Answer, Finding, ProbedHour, Purpose, Verdict};
use crate::error::PipelineError;

/// More rejects than this are the feed's and not some trips' own.
const TOLERATED_REJECTS: f64 = 0.01;
/// Fewer rejects than this are some trips' own in any case.
const FEW: u64 = 3;
/// Some trips end just outside of the hour by a clock's fault; more than this, and the hour is not
/// honoured.
const TOLERATED_OUTSIDE_HOUR: f64 = 0.05;
/// A share of trips for which a fault is the feed's.
const MOST: f64 = 0.5;

pub(super) fn findings(
    config: &ProviderConfig,
    lag: u32,
    no_boundaries: Option<&PipelineError>,
    hours: &[ProbedHour],
) -> Vec<Finding> {
    let of = |purpose| hours.iter().find(|hour| hour.purpose == purpose);
    let Some(whole) = of(Purpose::Whole) else {
        return Vec::new();
    };
    let newest_age = newest_age(hours);
    let mut found = vec![reachable(whole, newest_age.is_some())];
    let looked_at = looked_at(hours);
    if let Some((hour, report, sample)) = looked_at {
        found.extend([
            version(config, report),
            paging(config, report),
            speed(report, hour.seconds),
        ]);
        if sample.trips == 0 {
            found.push(no_trips(report));
        } else {
            let neighbour = of(Purpose::Neighbour).filter(|_| hour.purpose == Purpose::Whole);
            found.extend([
                schema(sample),
                hour_honoured(sample, neighbour),
                units(sample),
                coordinates(config, no_boundaries, sample),
                ids(sample),
                duplicates(sample),
                routes(config, sample),
            ]);
            let again = of(Purpose::Again).filter(|_| hour.purpose == Purpose::Whole);
            found.extend(again.map(|again| repeatable(sample, again)));
        }
    }
    found.extend(of(Purpose::Old).map(old));
    found.extend(of(Purpose::Future).map(future));
    if hours.len() > 1 {
        found.push(newest(lag, newest_age));
    }
    found
}

/// The hour whose trips tell what the feed is like: the one that ought to be there, or else another
/// with trips.
pub(super) fn looked_at(hours: &[ProbedHour]) -> Option<(&ProbedHour, &HourReport, &Sample)> {
    let answered = |hour: &ProbedHour| hour.sample.is_some();
    let with_trips = |hour: &&ProbedHour| hour.trips() > 0;
    let hour = hours
        .iter()
        .find(with_trips)
        .or_else(|| hours.iter().find(|hour| answered(hour)))?;
    match (&hour.answer, &hour.sample) {
        (Answer::Ready(report), Some(sample)) => Some((hour, report, sample)),
        _ => None,
    }
}

/// How many hours ago the newest hour with trips ended.
fn newest_age(hours: &[ProbedHour]) -> Option<i64> {
    hours.iter().find_map(|hour| match hour.purpose {
        Purpose::Newest { age } if hour.trips() > 0 => Some(age),
        _ => None,
    })
}

fn finding(about: &'static str, verdict: Verdict, text: impl Into<String>) -> Finding {
    Finding {
        about,
        verdict,
        text: text.into(),
        remedy: None,
    }
}

fn good(about: &'static str, text: impl Into<String>) -> Finding {
    finding(about, Verdict::Good, text)
}

fn note(about: &'static str, text: impl Into<String>) -> Finding {
    finding(about, Verdict::Note, text)
}

fn harm(about: &'static str, text: impl Into<String>, remedy: Option<&str>) -> Finding {
    Finding {
        remedy: remedy.map(str::to_owned),
        ..finding(about, Verdict::Harm, text)
    }
}

fn reachable(whole: &ProbedHour, has_newer: bool) -> Finding {
    let about = "access";
    match &whole.answer {
        Answer::Failed { name, message } => harm(about, format!("{name}: {message}"), None),
        Answer::NotYet { http_status } => harm(
            about,
            format!(
                "{} ought to be there, and is not yet (HTTP {http_status}){}",
                whole.label,
                if has_newer { ": see lag" } else { "" }
            ),
            None,
        ),
        Answer::NotOperating => note(
            about,
            "login works; there was no service in that hour (404)",
        ),
        Answer::Ready(_) => good(about, "reachable, and the login works"),
    }
}

fn version(config: &ProviderConfig, report: &HourReport) -> Finding {
    let about = "version";
    let (asked, served) = (config.version.as_str(), report.version_served.as_str());
    if served.starts_with(asked) {
        return good(about, format!("{served}, as configured"));
    }
    Finding {
        remedy: Some(format!("\"version\": \"{served}\"")),
        ..note(about, format!("serves {served}, configured is {asked}"))
    }
}

fn speed(report: &HourReport, seconds: f64) -> Finding {
    let text = format!(
        "{} trips, {} bytes, {} pages, {} requests in {seconds:.1} s",
        report.trips, report.bytes, report.pages, report.requests
    );
    good("speed", text)
}

fn no_trips(report: &HourReport) -> Finding {
    let about = "trips";
    match report.trips_outside_window {
        0 => note(
            about,
            "the hour has no trips to look at: choose a busy one with --time-max",
        ),
        n => note(
            about,
            format!(
                "the hour has none, though {n} of other hours came with it: choose another with --time-max, and if it is the same there, the query is ignored"
            ),
        ),
    }
}

fn paging(config: &ProviderConfig, report: &HourReport) -> Finding {
    let about = "pages";
    if report.next_page_left {
        let text = "there is a next page, which is not asked for";
        return harm(about, text, Some("\"paging\": true"));
    }
    match report.pages {
        0 | 1 => good(about, "one"),
        n if config.version >= MdsVersion::V1_0 => note(
            about,
            format!("{n}, though {} has none; they are followed", config.version),
        ),
        n => good(about, format!("{n}, followed to the last")),
    }
}

/// What 2.0's list of vehicles has of the devices that the trips name.
pub(super) fn vehicles(sample: &Sample, listed: &Result<HashSet<Uuid>, PipelineError>) -> Finding {
    let about = "vehicles";
    match listed {
        Err(error) => harm(
            about,
            format!(
                "{}: {}; trips would have no vehicle type",
                error.name, error.message
            ),
            None,
        ),
        Ok(listed) if sample.devices.is_empty() => good(about, format!("{} listed", listed.len())),
        Ok(listed) => {
            let known = sample.devices.intersection(listed).count();
            let text = format!(
                "{} listed; of {} devices on trips {known} are among them",
                listed.len(),
                sample.devices.len()
            );
            if known == sample.devices.len() {
                good(about, text)
            } else {
                note(
                    about,
                    format!("{text}, the others are asked for one by one"),
                )
            }
        }
    }
}

fn schema(sample: &Sample) -> Finding {
    let about = "fields";
    if sample.rejected == 0 {
        return good(about, "every trip has what it must have");
    }
    let mut reasons: Vec<_> = sample.reasons.iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(a.1));
    let listed: Vec<_> = reasons
        .iter()
        .map(|(reason, n)| match sample.examples.get(*reason) {
            Some(example) if !example.is_empty() => format!("{reason} ({n}; {example})"),
            _ => format!("{reason} ({n})"),
        })
        .collect();
    let text = format!(
        "{} of {} trips would be rejected: {}",
        sample.rejected,
        sample.trips,
        listed.join(", ")
    );
    let share = share(sample.rejected, sample);
    if share > MOST || (share > TOLERATED_REJECTS && sample.rejected >= FEW) {
        harm(about, text, None)
    } else {
        note(about, text)
    }
}

fn hour_honoured(sample: &Sample, neighbour: Option<&ProbedHour>) -> Finding {
    let about = "the hour asked for";
    let remedy = "\"mds_param_override\" renames the parameters of the query, \"time_format\" changes how times are written";
    let neighbour = neighbour.and_then(|hour| hour.sample.as_ref());
    if neighbour.is_some_and(|it| it.trips > 0 && it.digest == sample.digest) {
        return harm(
            about,
            "another hour gets the same answer: the hour is ignored",
            Some(remedy),
        );
    }
    let outside = sample.flagged(Flag::OutsideHour);
    let text = format!("{outside} of {} trips end outside of it", sample.trips);
    match outside {
        0 => good(about, "every trip ends within it"),
        _ if share(outside, sample) > TOLERATED_OUTSIDE_HOUR => harm(about, text, Some(remedy)),
        _ => note(about, text),
    }
}

fn units(sample: &Sample) -> Finding {
    let about = "units of time";
    match sample.flagged(Flag::SecondsForMilliseconds) {
        0 => good(about, "as the version has them"),
        n => note(
            about,
            format!(
                "{n} of {} trips have seconds for milliseconds; they are repaired",
                sample.trips
            ),
        ),
    }
}

fn coordinates(
    config: &ProviderConfig,
    no_boundaries: Option<&PipelineError>,
    sample: &Sample,
) -> Finding {
    let about = "coordinates";
    if let Some(error) = no_boundaries {
        return note(about, format!("not compared with the city: {error}"));
    }
    let swapped = sample.flagged(Flag::SwappedCoordinatesSuspected) + sample.swapped_off_globe;
    if share(swapped, sample) > MOST {
        let remedy = format!("\"swap_coordinates\": {}", !config.swap_coordinates);
        let text = format!(
            "latitude and longitude stand in each other's place in {swapped} of {} trips",
            sample.trips
        );
        return harm(about, text, Some(&remedy));
    }
    let outside = sample.flagged(Flag::OutsideArea);
    let text = format!(
        "{outside} of {} trips start or end outside of the city",
        sample.trips
    );
    match outside {
        0 => good(about, "every trip starts and ends in the city"),
        _ if share(outside, sample) > MOST => harm(about, text, None),
        _ => note(about, text),
    }
}

fn ids(sample: &Sample) -> Finding {
    match sample.integer_ids {
        0 => good("ids", "UUIDs"),
        n => note(
            "ids",
            format!(
                "{n} of {} trips have whole numbers for ids; each stands for one UUID",
                sample.trips
            ),
        ),
    }
}

fn duplicates(sample: &Sample) -> Finding {
    match sample.duplicates {
        0 => good("duplicates", "none"),
        n => note(
            "duplicates",
            format!(
                "{n} of {} trips come more than once; one of each is loaded",
                sample.trips
            ),
        ),
    }
}

fn routes(config: &ProviderConfig, sample: &Sample) -> Finding {
    let about = "routes";
    if config.version.rules().vehicles_apart {
        return good(about, "from /telemetry, if \"telemetry\" is set");
    }
    if sample.routes == 0 {
        return note(about, "none");
    }
    let unordered = sample.flagged(Flag::UnorderedRoute);
    let text = format!(
        "{:.1} points each, {unordered} of {} not in the order of their times",
        as_float(sample.points) / as_float(sample.routes),
        sample.routes
    );
    finding(
        about,
        if unordered == 0 {
            Verdict::Good
        } else {
            Verdict::Note
        },
        text,
    )
}

fn repeatable(sample: &Sample, again: &ProbedHour) -> Finding {
    let about = "the same twice";
    match (&again.sample, &again.answer) {
        (Some(other), _) if other.digest == sample.digest => good(about, "the same answer"),
        (Some(other), _) => note(
            about,
            format!(
                "{} trips, then {}: the answer changes",
                sample.trips, other.trips
            ),
        ),
        (None, Answer::Failed { name, message }) => note(about, format!("then {name}: {message}")),
        (None, _) => note(about, "then not there"),
    }
}

fn old(hour: &ProbedHour) -> Finding {
    let about = "an old hour";
    match &hour.answer {
        Answer::Ready(report) => good(about, format!("{}: {} trips", hour.label, report.trips)),
        Answer::NotOperating => note(about, format!("{}: no service (404)", hour.label)),
        Answer::NotYet { http_status } => note(
            about,
            format!(
                "{}: said to be not there yet (HTTP {http_status})",
                hour.label
            ),
        ),
        Answer::Failed { name, message } => note(
            about,
            format!(
                "{}: {name}: {message}; a backfill would fail there",
                hour.label
            ),
        ),
    }
}

fn future(hour: &ProbedHour) -> Finding {
    let about = "an hour to come";
    match &hour.answer {
        Answer::Ready(report) if report.trips > 0 => harm(
            about,
            format!("{} trips of an hour that has not begun", report.trips),
            None,
        ),
        Answer::Ready(_) => note(
            about,
            "answered with no trips: an hour that is asked for too early looks like an empty one, so choose lag_hours with care",
        ),
        Answer::NotYet { http_status } => good(
            about,
            format!("told from an empty one (HTTP {http_status})"),
        ),
        Answer::NotOperating => note(about, "answered as an hour without service (404)"),
        Answer::Failed { name, .. } => good(about, format!("refused ({name})")),
    }
}

fn newest(lag: u32, age: Option<i64>) -> Finding {
    let about = "lag";
    match age {
        Some(age) if age <= i64::from(lag) => good(
            about,
            format!(
                "has trips of an hour that ended {age} h ago; hours are asked for after {lag} h"
            ),
        ),
        Some(age) => harm(
            about,
            format!(
                "the newest hour with trips ended {age} h ago; hours are asked for after {lag} h"
            ),
            Some(&format!("\"lag_hours\": {}", age + 6)),
        ),
        None => note(
            about,
            "no trips in any of the hours of the last week that were asked for: compare with its fleet",
        ),
    }
}

fn share(n: u64, sample: &Sample) -> f64 {
    as_float(n) / as_float(sample.trips.max(1))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "counts of an hour are far below 2^53"
)]
fn as_float(n: u64) -> f64 {
    n as f64
}
