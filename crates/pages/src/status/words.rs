//! What the page says in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ::trips::hour_state::HourState;
use ::trips::words::{counted, grouped};
use pipeline::{OlderHours, PortalDifferences, Problem};

/// `22 whole, 1 missing`.
pub(super) fn states(counts: &BTreeMap<HourState, u64>) -> String {
    let texts: Vec<_> = counts
        .iter()
        .map(|(state, count)| format!("{} {state}", grouped(count)))
        .collect();
    texts.join(", ")
}

/// A duration as people say it: `3 hours`, or `2 days 3 hours`.
pub(super) fn duration(hours: &u64) -> String {
    let count = |number: u64, unit: &str| format!("{:#}", counted(number, unit));
    match (*hours / 24, *hours % 24) {
        (0, hours) => count(hours, "hour"),
        (days, 0) => count(days, "day"),
        (days, hours) => format!("{} {}", count(days, "day"), count(hours, "hour")),
    }
}

/// Which hours: `bird 2020-03-10-12`, or `bird 2020-03-10-08 to 2020-03-10-12`.
pub(super) fn hours(provider: &str, problem: &Problem) -> String {
    range(provider, &problem.first, &problem.last)
}

fn range(provider: &str, first: &str, last: &str) -> String {
    let mut text = format!("{provider} {first}");
    if first != last {
        let _ = write!(text, " to {last}");
    }
    text
}

/// `2 hours failed: ProviderUnavailable: HTTP 503.`
pub(super) fn problem(problem: &Problem) -> String {
    let mut text = format!("{:#} {}", counted(problem.hours, "hour"), problem.state);
    for cause in [&problem.error_name, &problem.message]
        .into_iter()
        .flatten()
    {
        let _ = write!(text, ": {}", cause.trim_end_matches('.'));
    }
    text + "."
}

/// Which hours from before the report: as for a problem.
pub(super) fn older_hours(provider: &str, older: &OlderHours) -> String {
    range(provider, &older.first, &older.last)
}

/// `2 hours are not good, from before this report.`, and what the command after it is for.
pub(super) fn older(older: &OlderHours) -> String {
    format!(
        "{:#} {} not good, from before this report. What shows them, and what to do:",
        counted(older.hours, "hour"),
        if older.hours == 1 { "is" } else { "are" }
    )
}

/// A text with commands between grave accents, in parts: whether each is a command.
pub(super) fn parts(text: &str) -> impl Iterator<Item = (bool, &str)> {
    (text.split('`').enumerate()).map(|(n, part)| (n % 2 == 1, part))
}

/// How rows of the portal differ: only the ways in which they do.
pub(super) fn differences(found: &PortalDifferences) -> String {
    let waiting = match found.waiting {
        0 => String::new(),
        rows => format!(
            " ({} {} to be published)",
            grouped(rows),
            if rows == 1 {
                "of these two waits"
            } else {
                "of these two wait"
            }
        ),
    };
    format!(
        "It lacks {} of {:#}, has {} with another content{waiting}, and {} that only it has.",
        grouped(found.missing),
        counted(found.database_rows, "row"),
        grouped(found.different),
        grouped(found.extra)
    )
}

#[cfg(test)]
mod tests;
