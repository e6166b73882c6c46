//! `mds audit`: whether the portal has what the database has, and its repair.

use std::process::ExitCode;
use std::sync::Arc;

use pipeline::{
    Audit, AuditDepth, AuditProgress, AuditReport, Context, HourDifference, PeriodCounts,
    PlanRequest,
};
use serde::Serialize;
use trips::words::counted;

use crate::args::AuditArgs;
use crate::commands::{connect, run};
use crate::failure::{FAILED, usage};
use crate::output;
use crate::progress::Progress;
use crate::signals::{Stop, say};
use crate::table::table;

/// How many hours that differ are named on a terminal. `--json` names them all.
const SHOWN_HOURS: usize = 50;

/// Repairs are repeated while each leaves fewer differences than the one before: a repair deletes
/// only so many rows.
const MAX_REPAIRS: u32 = 20;

/// What a repair did.
#[derive(Debug, Default, Serialize)]
struct Repair {
    /// Blocks that were published again.
    blocks: u64,
    /// Of these, blocks whose publishing failed.
    failed: u64,
    /// Rows that only the portal had, and that it has no longer.
    extra_deleted: u64,
    /// Rows that only the portal has, and that it keeps, because the database does not have their
    /// hours, or because they are many and the database has never had their trips.
    extra_held_back: u64,
}

#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    report: &'a AuditReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<&'a Repair>,
}

pub(crate) async fn audit(
    args: &AuditArgs,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    let request = args.request();
    let stop = Stop::listen(run::STOPPING);
    let comparing = async {
        let ctx = connect::context(None).await?;
        let audit = compare(&ctx, &request, args.depth()).await?;
        anyhow::Ok((ctx, audit))
    };
    let Some(compared) = Box::pin(stop.unless_stopped(comparing)).await else {
        return Ok(stopped(&stop));
    };
    let (ctx, mut audit) = compared?;
    if audit.report.hours == 0 {
        return Err(usage(format!(
            "{} not ended yet; check the range and this machine's clock",
            counted(audit.report.not_ended, "hour").with("of the range has", "of the range have")
        )));
    }
    let mut repair = None;
    if args.repair {
        stop.work_begins();
        let mut done = Repair::default();
        let mut left = u64::MAX;
        for _ in 0..MAX_REPAIRS {
            if !audit.report.has_differences() || differences(&audit.report) >= left {
                break;
            }
            left = differences(&audit.report);
            repair_once(&ctx, &request, &audit, progress, &stop, &mut done).await?;
            let comparing = compare(&ctx, &request, args.depth());
            let Some(compared) = Box::pin(stop.unless_stopped(comparing)).await else {
                return Ok(stopped(&stop));
            };
            audit = compared?;
        }
        repair = Some(done);
    }
    print(&audit.report, repair.as_ref(), json)?;
    if let Some(error) = &audit.not_recorded {
        note!("the audit is not recorded, so `mds status` does not tell of it: {error}");
    }
    let has_failed = repair.is_some_and(|repair| repair.failed > 0);
    Ok(if audit.report.has_differences() || has_failed {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

async fn compare(ctx: &Context, request: &PlanRequest, depth: AuditDepth) -> anyhow::Result<Audit> {
    let show = |progress: AuditProgress| {
        note!(
            "{}/{} compared, {}",
            progress.hours,
            counted(progress.all_hours, "hour"),
            differ(progress.hours_that_differ)
        );
    };
    Ok(pipeline::audit(ctx, request, depth, show).await?)
}

fn stopped(stop: &Stop) -> ExitCode {
    say("stopped; run the same command again to compare");
    ExitCode::from(stop.status().unwrap_or(FAILED))
}

/// Deletes and publishes what an audit has found.
async fn repair_once(
    ctx: &Arc<Context>,
    request: &PlanRequest,
    audit: &Audit,
    progress: &Progress,
    stop: &Stop,
    done: &mut Repair,
) -> anyhow::Result<()> {
    let plan = pipeline::plan_repair(ctx, request, audit).await?;
    if let Some(audit) = &plan.audit {
        done.extra_deleted += audit.extra_deleted;
        done.extra_held_back = audit.extra_held_back;
        run::report::print_held_back(audit);
    }
    let (summary, _) =
        run::run_plan(Arc::clone(ctx), &plan, progress, stop.token().clone()).await?;
    done.blocks += summary.done;
    done.failed += plan.block_count.saturating_sub(summary.done);
    run::report::print_before_start(&plan);
    if !summary.is_success() {
        note!("{summary}");
    }
    Ok(())
}

fn differ(hours: u64) -> String {
    format!("{hours} {}", if hours == 1 { "differs" } else { "differ" })
}

fn differences(report: &AuditReport) -> u64 {
    report.missing + report.different + report.extra
}

fn print(report: &AuditReport, repair: Option<&Repair>, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&Output { report, repair });
    }
    output::text(&periods(report))?;
    for hour in report.different_hours.iter().take(SHOWN_HOURS) {
        output::text(&hour_line(hour))?;
    }
    let not_shown = report.different_hours.len().saturating_sub(SHOWN_HOURS);
    if not_shown > 0 {
        output::text(&format!(
            "and {} more; --json names them all",
            counted(not_shown, "hour")
        ))?;
    }
    let mut blocks = report.different_hours.iter().flat_map(|it| &it.blocks);
    if blocks.any(|it| it.provider.is_none()) {
        output::text(
            "rows without a block are published by no run and no audit: load their hours, then see docs/MIGRATING.md, \
             \"Trips without a block\"",
        )?;
    }
    if let Some(repair) = repair {
        output::text(&format!(
            "repair: {} published again, {} failed, {} deleted that only the portal had",
            counted(repair.blocks, "block"),
            repair.failed,
            counted(repair.extra_deleted, "row")
        ))?;
    }
    output::text(&verdict(report))
}

fn periods(report: &AuditReport) -> comfy_table::Table {
    let heading = [
        report.period,
        "provider",
        "database",
        "missing",
        "different",
        "waiting",
        "only portal",
    ];
    let mut shown = table(&heading, 2);
    for counts in &report.periods {
        shown.add_row(cells(counts));
    }
    shown
}

fn cells(counts: &PeriodCounts) -> [String; 7] {
    let provider = counts.provider.as_ref().map(ToString::to_string);
    [
        counts
            .period
            .clone()
            .unwrap_or_else(|| "no end time".to_owned()),
        provider.unwrap_or_else(|| "-".to_owned()),
        counts.database_rows.to_string(),
        counts.missing.to_string(),
        counts.different.to_string(),
        counts.waiting.to_string(),
        counts.extra.to_string(),
    ]
}

fn hour_line(hour: &HourDifference) -> String {
    let mut parts: Vec<String> = hour
        .blocks
        .iter()
        .map(|block| {
            let name = match (&block.provider, &block.label) {
                (Some(provider), Some(label)) => format!("{provider} {label}"),
                _ => "rows without a block".to_owned(),
            };
            let waiting = if block.is_waiting {
                ", not published yet"
            } else {
                ""
            };
            format!(
                "{name}: {} missing, {} different{waiting}",
                block.missing, block.different
            )
        })
        .collect();
    if hour.extra > 0 {
        parts.push(format!("{} only at the portal", hour.extra));
    }
    format!(
        "{}: {} in the database, {} at the portal ({})",
        hour.label,
        counted(hour.database_rows, "row"),
        hour.portal_rows,
        parts.join("; ")
    )
}

fn verdict(report: &AuditReport) -> String {
    let left_out = match report.not_ended {
        0 => String::new(),
        hours => format!(
            "; {}",
            counted(hours, "hour").with(
                "has not ended yet and is left out",
                "have not ended yet and are left out"
            )
        ),
    };
    if !report.has_differences() {
        return format!(
            "no differences in {} with {}{left_out}",
            counted(report.hours, "hour"),
            counted(report.database_rows, "row")
        );
    }
    let without_end = match report.without_end_time {
        0 => String::new(),
        rows => format!(" ({rows} of them without an end time)"),
    };
    format!(
        "{} of {}: {}{without_end}{left_out}",
        report.different_hours.len(),
        counted(report.hours, "hour").with("differs", "differ"),
        portal_has(report.missing, report.different, report.extra),
    )
}

/// How the rows of the portal differ from those of the database. Ends with those that only the
/// portal has.
pub(crate) fn portal_has(missing: u64, different: u64, extra: u64) -> String {
    format!(
        "the portal lacks {}, has {different} with another content and {extra} that only it has",
        counted(missing, "row")
    )
}
