//! Findings about the feed as a whole: access, version, pages and vehicles.

use std::collections::HashSet;

use mds_client::{EMPTY_PAGES_PER_HOUR, HourReport, MdsVersion, ProviderConfig};
use trips::words::counted;
use uuid::Uuid;

use super::{finding, good, harm, note};
use crate::error::{ErrorName, PipelineError};
use crate::extract::NO_CONTENT;
use crate::probe::report::{Finding, HourOutcome, ProbedHour, Verdict};
use crate::probe::sample::Sample;

pub(super) fn access(whole: &ProbedHour, hours: &[ProbedHour], has_newer: bool) -> Finding {
    let about = "access";
    if hours.iter().all(is_not_found) {
        let text = "every requested hour is returned as not found (404): the feed cannot be ingested; look at mds_api_url";
        return harm(about, text, None);
    }
    if hours
        .iter()
        .all(|hour| is_not_found(hour) || has_no_content(hour))
    {
        let text = "no requested hour has content (204): nothing shows that this is the feed; look at mds_api_url, or probe an hour with trips (--time-max)";
        return harm(about, text, None);
    }
    match &whole.outcome {
        HourOutcome::Failed {
            name,
            message,
            is_unreachable: true,
            ..
        } => finding(about, Verdict::Unreachable, format!("{name}: {message}")),
        HourOutcome::Failed {
            name,
            message,
            said,
            ..
        } => harm(about, failure(*name, message, said.as_deref()), None),
        HourOutcome::NotYet { http_status } => harm(
            about,
            format!(
                "{} should be there and is not published yet (HTTP {http_status}){}",
                whole.label,
                if has_newer { ": see lag" } else { "" }
            ),
            None,
        ),
        HourOutcome::NotOperating | HourOutcome::Ready(_)
            if hours.iter().all(|hour| hour.trips() == 0) =>
        {
            let text = "the login works, but no requested hour has a trip: nothing shows that this is the feed; probe an hour \
                        with trips (--time-max), look whether mds_api_url is that of the city, and ask the provider whether \
                        the token may read its trips";
            harm(about, text, None)
        }
        HourOutcome::NotOperating => note(
            about,
            "the login works; there was no service in that hour (404)",
        ),
        HourOutcome::Ready(_) => good(about, "reachable, and the login works"),
    }
}

/// An error, with the provider's own words about it.
pub(super) fn failure(name: ErrorName, message: &str, said: Option<&str>) -> String {
    match said {
        Some(said) => format!("{name}: {message}. It says: \"{said}\""),
        None => format!("{name}: {message}"),
    }
}

/// Whether the provider returned 404 or 410. For a young hour that means "not yet".
fn is_not_found(hour: &ProbedHour) -> bool {
    matches!(
        hour.outcome,
        HourOutcome::NotOperating
            | HourOutcome::NotYet {
                http_status: 404 | 410
            }
    )
}

/// Whether the provider returned 204.
fn has_no_content(hour: &ProbedHour) -> bool {
    match &hour.outcome {
        HourOutcome::Ready(report) => report.http_status == NO_CONTENT,
        HourOutcome::NotYet { http_status } => *http_status == NO_CONTENT,
        HourOutcome::NotOperating | HourOutcome::Failed { .. } => false,
    }
}

pub(super) fn version(config: &ProviderConfig, report: &HourReport) -> Finding {
    let about = "version";
    if report.http_status == NO_CONTENT {
        return note(about, "not known: the response has no content (204)");
    }
    let (configured, served) = (config.version.as_str(), report.version_served.as_str());
    if served.starts_with(configured) {
        return good(about, format!("{served}, as configured"));
    }
    Finding {
        remedy: Some(format!("\"version\": \"{served}\"")),
        ..note(
            about,
            format!("serves {served}, configured is {configured}"),
        )
    }
}

pub(super) fn pages(config: &ProviderConfig, report: &HourReport) -> Finding {
    let about = "pages";
    if report.next_page_left {
        let text = "there is a next page, which is not requested";
        return harm(about, text, Some("\"paging\": true"));
    }
    if report.names_error {
        return note(
            about,
            "one names an error beside its trips: some may be missing",
        );
    }
    if report.empty_pages_left {
        return note(
            about,
            format!(
                "{}, and more without end: reading ends after {EMPTY_PAGES_PER_HOUR} empty ones in a row for each hour of \
                 the request",
                report.pages
            ),
        );
    }
    match report.pages {
        0 | 1 => good(about, "one"),
        n if config.version >= MdsVersion::V1_0 => note(
            about,
            format!(
                "{n}, though MDS {} has no pages; all are requested",
                config.version
            ),
        ),
        n => good(about, format!("{n}, all requested")),
    }
}

pub(super) fn speed(report: &HourReport, seconds: f64) -> Finding {
    let text = format!(
        "{}, {}, {}, {} in {seconds:.1} s",
        counted(report.trips, "trip"),
        counted(report.bytes, "byte"),
        counted(report.pages, "page"),
        counted(report.requests, "request")
    );
    good("speed", text)
}

/// Compares 2.0's list of vehicles with the devices of the trips.
pub(in crate::probe) fn vehicles(
    sample: &Sample,
    listed: &Result<HashSet<Uuid>, PipelineError>,
) -> Finding {
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
                "{} listed; {known} of the trips' {} among them",
                listed.len(),
                counted(sample.devices.len(), "device").with("is", "are")
            );
            if known == sample.devices.len() {
                good(about, text)
            } else {
                note(
                    about,
                    format!("{text}, the others are requested one by one"),
                )
            }
        }
    }
}
