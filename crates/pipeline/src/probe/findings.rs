//! Turns the responses of a probe into findings.

use mds_client::{HourReport, ProviderConfig};

use super::report::{Finding, HourOutcome, ProbedHour, Purpose, Verdict};
use super::sample::Sample;
use crate::error::PipelineError;

pub(super) use self::feed::vehicles;

mod content;
mod feed;
mod series;

/// Compares the responses with the provider's entry. `lag` is the age in hours at which a schedule
/// requests an hour.
pub(super) fn findings(
    config: &ProviderConfig,
    lag: u32,
    boundaries_error: Option<&PipelineError>,
    hours: &[ProbedHour],
) -> Vec<Finding> {
    let probed = |purpose| hours.iter().find(|hour| hour.purpose == purpose);
    let Some(whole) = probed(Purpose::Whole) else {
        return Vec::new();
    };
    let newest_age = newest_age(hours);
    let mut found = vec![feed::access(whole, hours, newest_age.is_some())];
    if let Some((hour, report, sample)) = inspected(hours) {
        found.extend([
            feed::version(config, report),
            feed::pages(config, report),
            feed::speed(report, hour.seconds),
        ]);
        if sample.trips == 0 {
            found.push(content::no_trips(report));
        } else {
            let neighbour = probed(Purpose::Neighbour).filter(|_| hour.purpose == Purpose::Whole);
            found.extend([
                content::fields(sample),
                content::optional_fields(sample),
                content::costs(config, sample),
                content::durations(sample),
                content::requested_hour(sample, neighbour),
                content::time_units(sample),
                content::coordinates(config, boundaries_error, sample),
                content::ids(config, sample),
                content::duplicates(sample),
                content::routes(config, sample),
            ]);
            let again = probed(Purpose::Again).filter(|_| hour.purpose == Purpose::Whole);
            found.extend(again.map(|again| series::repeatable(sample, again)));
            found.extend(series::ids_of_hours(hours));
        }
    }
    found.extend(probed(Purpose::Old).map(series::old_hour));
    found.extend(probed(Purpose::Future).map(series::future_hour));
    if hours.len() > 1 {
        found.push(series::lag(lag, newest_age));
    }
    found
}

/// The hour whose trips the findings are about: the first with trips, or else the first that the
/// provider returned.
pub(super) fn inspected(hours: &[ProbedHour]) -> Option<(&ProbedHour, &HourReport, &Sample)> {
    let hour = hours
        .iter()
        .find(|hour| hour.trips() > 0)
        .or_else(|| hours.iter().find(|hour| hour.sample.is_some()))?;
    match (&hour.outcome, &hour.sample) {
        (HourOutcome::Ready(report), Some(sample)) => Some((hour, report, sample)),
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
