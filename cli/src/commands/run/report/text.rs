//! A run's end in words.

use std::fmt::Write as _;

use pipeline::{FailureGroup, Plan, RunEnd, RunSummary, UnusableEntry};
use trips::words::counted;

use super::{Report, table};

/// The table, the counts, and what has failed and why.
pub(super) fn report(report: &Report<'_>) -> String {
    let (plan, summary) = (report.plan, &report.end.summary);
    let mut text = String::new();
    if let Some(table) = table::shown(Some(plan), summary) {
        let _ = writeln!(text, "{table}");
    }
    let _ = write!(text, "{}, in {:.1} s", summary.counts(), report.seconds);
    let is_whole = report.stopped.is_none() && report.end.gave_up.is_none();
    add_problems(&mut text, summary, is_whole);
    text
}

/// The same for a run whose plan is not known.
pub(crate) fn summary(summary: &RunSummary) -> String {
    let mut text = String::new();
    if let Some(table) = table::shown(None, summary) {
        let _ = writeln!(text, "{table}");
    }
    text.push_str(&summary.counts());
    add_problems(&mut text, summary, true);
    text
}

fn add_problems(text: &mut String, summary: &RunSummary, names_unfinished: bool) {
    for group in &summary.failures {
        add_failures(text, group);
    }
    add_notes(text, summary);
    if names_unfinished && !summary.first_unfinished.is_empty() {
        let names: Vec<_> = summary
            .first_unfinished
            .iter()
            .map(|block| format!("{} {}", block.provider, block.label))
            .collect();
        let _ = write!(text, "\ndid not end: {}", names.join(", "));
        let more = summary.unfinished.saturating_sub(names.len() as u64);
        if more > 0 {
            let _ = write!(text, " and {more} more");
        }
    }
}

/// The blocks that are loaded although their answers may lack something.
fn add_notes(text: &mut String, summary: &RunSummary) {
    for block in &summary.first_noted {
        let _ = write!(
            text,
            "\nmay lack something: {} {}: {}",
            block.provider, block.label, block.note
        );
    }
    let more = summary
        .noted
        .saturating_sub(summary.first_noted.len() as u64);
    if more > 0 {
        let _ = write!(
            text,
            "\nmay lack something: {}; `mds status` has them",
            counted(more, "more block")
        );
    }
}

/// What has failed with the same error, why, and the command that does it again.
fn add_failures(text: &mut String, group: &FailureGroup) {
    let _ = write!(text, "\nfailed: {}", group.reason());
    let names = |labels: &[String]| {
        let names: Vec<_> = labels
            .iter()
            .map(|label| format!("{} {label}", group.provider))
            .collect();
        names.join(", ")
    };
    let _ = write!(text, "\n  {}", names(&group.labels));
    let more = group.blocks.saturating_sub(group.labels.len() as u64);
    if more > 0 {
        let _ = write!(
            text,
            " and {more} more; `mds status --provider {} --since {}` names them all",
            group.provider,
            group.labels.first().map_or("", |label| day(label))
        );
    }
    let _ = write!(text, "\n  again: {}", group.command);
}

/// The day of a label, which `mds status --since` takes.
fn day(label: &str) -> &str {
    label.get(..10).unwrap_or(label)
}

/// Why a run has ended before its end.
pub(super) fn stopped(plan: &Plan, end: &RunEnd) -> String {
    let ended = plan.block_count.saturating_sub(end.not_begun);
    format!(
        "stopped; run the same command again to continue: of {} {ended} ended, {} {} left to do",
        counted(plan.block_count, "block"),
        end.not_begun,
        if end.not_begun == 1 { "is" } else { "are" }
    )
}

/// Why a run for all providers leaves one out.
fn left_out_provider(entry: &UnusableEntry) -> String {
    format!(
        "left out: {}, whose entry in {} cannot be used: {}; `mds config check` tells what to correct",
        entry.name, entry.file, entry.why
    )
}

/// Which blocks of the range a plan leaves out, a line for each reason.
pub(super) fn left_out(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<_> = plan
        .unusable_entries
        .iter()
        .map(left_out_provider)
        .collect();
    for (count, one, several) in [
        (
            plan.not_ended,
            "has not ended yet and is",
            "have not ended yet and are",
        ),
        (
            plan.not_archived,
            "has no archive, so there is nothing to load, and is",
            "have no archive, so there is nothing to load, and are",
        ),
        (
            plan.not_loaded,
            "is not loaded, so there is nothing to publish, and is",
            "are not loaded, so there is nothing to publish, and are",
        ),
    ] {
        if count > 0 {
            let why = counted(count, "block").with(one, several);
            lines.push(format!("{why} left out"));
        }
    }
    lines.extend(before_start(plan));
    lines
}

pub(super) fn before_start(plan: &Plan) -> Option<String> {
    (plan.before_start > 0).then(|| {
        counted(plan.before_start, "block").with(
            "is from before its provider's start and is left out; --provider with its name includes it",
            "are from before their provider's start and are left out; --provider with its name includes them",
        )
    })
}
