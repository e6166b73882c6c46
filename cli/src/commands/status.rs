//! `mds status`: which hours are whole, and what to do about the others.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use pipeline::{
    Context, OlderHours, PortalDifferences, Problem, ProviderStatus, StatusReport, UnusableEntry,
};
use trips::hour_state::HourState;
use trips::time::CivilZone;
use trips::words::counted;

use crate::args::StatusArgs;
use crate::commands::connect;
use crate::failure::{FAILED, usage};
use crate::output;
use crate::table::table;

/// A table of more days than this is not read; the page and the JSON have them all.
const SHOWN_DAYS: usize = 20;

/// The name that stands for the status page in the bucket.
const BUCKET: &str = "s3";

pub(crate) async fn status(args: &StatusArgs, json: bool) -> anyhow::Result<ExitCode> {
    if json && args.html.is_some() {
        return Err(usage("--json and --html exclude each other"));
    }
    let ctx = Box::pin(connect::context_to_read()).await?;
    let report = match pipeline::status_report(&ctx, &args.request()).await {
        Ok(report) => report,
        Err(error) => return Err(pipeline::name_other_tables(&ctx, error).await.into()),
    };
    if report.providers.is_empty() {
        return Err(usage(
            "no provider is enabled; `--provider NAME` shows one that is not",
        ));
    }
    if let Some(place) = &args.html {
        write_page(&ctx, &report, place).await?;
    } else if json {
        output::json(&report)?;
    } else {
        output::write(Path::new(output::STANDARD), &text(&report, ctx.zone())?)?;
    }
    Ok(if report.needs_a_person {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

async fn write_page(ctx: &Context, report: &StatusReport, place: &Path) -> anyhow::Result<()> {
    let page = pages::status(report, ctx.zone())?;
    if place != Path::new(BUCKET) {
        return output::write(place, page.as_bytes());
    }
    let key = pipeline::put_status_page(ctx, &page).await?;
    output::text(&format!("s3://{}/{key}", ctx.vault().bucket()))
}

fn text(report: &StatusReport, zone: &CivilZone) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    writeln!(out, "{}", states(report))?;
    let incomplete = incomplete_days(report);
    if !incomplete.is_empty() {
        let mut days = table(&["day", "provider", "hours that are not whole"], 3);
        for row in incomplete.iter().take(SHOWN_DAYS) {
            days.add_row(row);
        }
        writeln!(out, "{days}")?;
        let not_shown = incomplete.len().saturating_sub(SHOWN_DAYS);
        if not_shown > 0 {
            writeln!(
                out,
                "and {} more; --json and --html have them all",
                counted(not_shown, "day")
            )?;
        }
    }
    for entry in &report.unusable_entries {
        writeln!(out, "{}", unusable_text(entry))?;
    }
    for odd in &report.odd_providers {
        writeln!(out, "! {odd}")?;
    }
    for provider in &report.providers {
        for problem in &provider.problems {
            writeln!(out, "{}", problem_text(provider, problem))?;
        }
        if let Some(older) = &provider.older {
            writeln!(out, "{}", older_text(provider, older))?;
        }
    }
    for (name, found) in differences(report) {
        writeln!(out, "{}", differences_text(name, found))?;
    }
    writeln!(out, "since {}: {}", since(report, zone), verdict(report))?;
    Ok(out)
}

/// Columns of states that no hour has are left out, so that the table fits a terminal.
fn states(report: &StatusReport) -> comfy_table::Table {
    let found: Vec<_> = HourState::ALL
        .into_iter()
        .filter(|state| {
            let mut providers = report.providers.iter();
            providers.any(|it| it.states.contains_key(state))
        })
        .collect();
    let names: Vec<_> = found
        .iter()
        .map(|state| state.as_str().replace(' ', "\n"))
        .collect();
    let mut heading = vec!["provider", "hours"];
    heading.extend(names.iter().map(String::as_str));
    heading.extend(["newest\ngood hour", "ended\nago", "hours\nbehind"]);
    let mut rows = table(&heading, 1);
    for provider in &report.providers {
        let mut cells = vec![provider.provider.to_string(), provider.hours.to_string()];
        let count = |state| provider.states.get(state).copied().unwrap_or(0);
        cells.extend(found.iter().map(|state| count(state).to_string()));
        cells.push(
            provider
                .newest_hour
                .clone()
                .unwrap_or_else(|| "none".to_owned()),
        );
        cells.push(
            provider
                .hours_since_newest
                .map_or(String::new(), |hours| format!("{hours} h")),
        );
        cells.push(provider.hours_behind.to_string());
        rows.add_row(cells);
    }
    rows
}

/// The newest days first.
fn incomplete_days(report: &StatusReport) -> Vec<[String; 3]> {
    let mut days: Vec<_> = report
        .providers
        .iter()
        .flat_map(|provider| provider.days.iter().map(move |day| (provider, day)))
        .filter(|(_, day)| !day.incomplete.is_empty())
        .collect();
    days.sort_by_key(|(provider, day)| (std::cmp::Reverse(day.day), &provider.provider));
    days.into_iter()
        .map(|(provider, day)| {
            let states = day.states.iter().filter(|(state, _)| !state.is_complete());
            let texts: Vec<_> = states
                .map(|(state, count)| format!("{count} {state}"))
                .collect();
            [
                day.day.to_string(),
                provider.provider.to_string(),
                texts.join(", "),
            ]
        })
        .collect()
}

/// What the last audit found to differ, by provider, and rows of the portal that belong to none.
fn differences(report: &StatusReport) -> impl Iterator<Item = (&str, &PortalDifferences)> {
    let providers = report.providers.iter();
    providers
        .filter_map(|it| Some((it.provider.as_str(), it.portal.as_ref()?)))
        .chain(
            report
                .portal_only
                .iter()
                .map(|found| ("no provider", found)),
        )
        .filter(|(_, found)| found.count() > 0)
}

fn differences_text(name: &str, found: &PortalDifferences) -> String {
    let person = if found.needs_a_person { "! " } else { "  " };
    format!(
        "{person}{name}: the audit of {} found {} that the portal lacks, {} with another content and {} that only it \
         has\n      {}\n      {}",
        found.audited_at.format("%Y-%m-%d %H:%M UTC"),
        counted(found.missing, "row"),
        found.different,
        found.extra,
        found.advice,
        found.command
    )
}

fn unusable_text(entry: &UnusableEntry) -> String {
    format!(
        "! {}: its entry cannot be used, so no run requests its hours: {}\n      correct the entry in {}\n      mds \
         config check",
        entry.name, entry.why, entry.file
    )
}

fn problem_text(provider: &ProviderStatus, problem: &Problem) -> String {
    let name = &provider.provider;
    let hours = if problem.hours == 1 {
        format!("{name} {}: {}", problem.last, problem.state)
    } else {
        format!(
            "{name} {} to {}: {} {}",
            problem.first,
            problem.last,
            counted(problem.hours, "hour"),
            problem.state
        )
    };
    let why = match (&problem.error_name, &problem.message) {
        (Some(name), Some(message)) => format!(": {name}: {message}"),
        (None, Some(message)) => format!(": {message}"),
        (Some(name), None) => format!(": {name}"),
        (None, None) => String::new(),
    };
    let person = if problem.needs_a_person { "! " } else { "  " };
    format!(
        "{person}{hours}{why}\n      {}\n      {}",
        problem.advice, problem.command
    )
}

/// Hours from before the report: another one shows which they are.
fn older_text(provider: &ProviderStatus, older: &OlderHours) -> String {
    let person = if older.needs_a_person { "! " } else { "  " };
    let are = counted(older.hours, "hour").with("is", "are");
    let hours = if older.hours == 1 {
        older.first.clone()
    } else {
        format!("{} to {}", older.first, older.last)
    };
    format!(
        "{person}{} {hours}: {are} not whole, from before this report\n      the command shows what to do\n      {}",
        provider.provider, older.command
    )
}

fn verdict(report: &StatusReport) -> &'static str {
    let mut providers = report.providers.iter();
    if report.needs_a_person {
        "what is marked with ! needs a person; the rest passes by itself"
    } else if providers.any(|it| it.older.is_some() || has_hours_left(it)) {
        "nothing needs a person: the next sweep does the hours that are left"
    } else {
        "every hour that is due is whole"
    }
}

fn has_hours_left(provider: &ProviderStatus) -> bool {
    let mut problems = provider.problems.iter();
    problems.any(|problem| !problem.state.is_complete())
}

/// The first day that the report looks at, or the hour if it is not a day's first.
fn since(report: &StatusReport, zone: &CivilZone) -> String {
    let first = zone.civil(report.since.start());
    let day = zone.day(first.date());
    if day.is_some_and(|day| day.first() == report.since) {
        first.date().to_string()
    } else {
        first.format("%Y-%m-%d %H:%M").to_string()
    }
}
