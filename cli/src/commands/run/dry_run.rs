//! `--dry-run`: the counts of a plan, and its blocks.

use std::io::{BufWriter, IsTerminal as _, Write, stdout};
use std::process::ExitCode;

use pipeline::{Context, NothingReason, Plan, PlanRequest, PlannedBlock};
use trips::words::counted;

use super::report;
use crate::failure::usage;
use crate::output;
use crate::table::table;

/// How many blocks a terminal shows.
const SHOWN: u64 = 100;
/// Up to this many blocks are kept in memory, so that they need not be planned again.
const KEPT: usize = 1000;

/// Plans, writes nothing anywhere, and shows the plan: the counts on standard error, then each
/// block on standard output.
pub(super) async fn show(
    ctx: &Context,
    request: &PlanRequest,
    is_full: bool,
    json: bool,
) -> anyhow::Result<ExitCode> {
    if json {
        return show_json(ctx, request).await;
    }
    let mut kept = Vec::new();
    let keep = |block: &PlannedBlock| {
        if kept.len() < KEPT {
            kept.push(line(block));
        }
    };
    let plan = pipeline::plan_patiently(ctx, request, keep).await?;
    check_provider(&plan)?;
    if plan.block_count > 0 {
        note!("{}", counts(&plan));
    }
    report::print_left_out(&plan);
    let is_limited = stdout().is_terminal() && !is_full;
    let shown = if is_limited { SHOWN } else { u64::MAX };
    if plan.block_count.min(shown) <= kept.len() as u64 {
        let shown = usize::try_from(shown).unwrap_or(usize::MAX);
        for line in kept.iter().take(shown) {
            output::text(line)?;
        }
    } else {
        print_all(ctx, request).await?;
    }
    if plan.block_count > shown {
        note!(
            "and {} more; --full prints them all",
            plan.block_count - shown
        );
    }
    if let Some(missing) = plan.without_archive
        && missing > 0
    {
        note!(
            "{} no archive in the bucket: a load would fail with ArchiveMissing, and loaded trips stay as they are. \
             Without --no-extract the provider is requested, and trips that it no longer returns are withdrawn",
            counted(missing, "block").with("has", "have")
        );
    }
    note!(
        "dry run: {} to do, nothing written",
        counted(plan.block_count, "block")
    );
    Ok(ExitCode::SUCCESS)
}

/// Plans once more: the blocks of years do not fit into memory.
async fn print_all(ctx: &Context, request: &PlanRequest) -> anyhow::Result<()> {
    let mut out = BufWriter::new(stdout());
    let mut written = Ok(());
    let print = |block: &PlannedBlock| {
        if written.is_ok() {
            written = writeln!(out, "{}", line(block));
        }
    };
    pipeline::plan(ctx, request, print).await?;
    output::tolerate(written.and_then(|()| out.flush()))
}

fn line(block: &PlannedBlock) -> String {
    let steps: Vec<_> = block.steps.iter().map(|step| step.as_str()).collect();
    format!(
        "{} {} ({}): {}{}",
        block.provider,
        block.label,
        block.status.as_str(),
        steps.join(", "),
        if block.lacks_archive {
            " (no archive)"
        } else {
            ""
        }
    )
}

/// Blocks by provider and status.
fn counts(plan: &Plan) -> comfy_table::Table {
    let mut rows = table(&["provider", "blocks", "status now", "done already"], 1);
    for provider in &plan.providers {
        let statuses: Vec<_> = provider
            .to_do
            .iter()
            .map(|(status, n)| format!("{n} {}", status.as_str()))
            .collect();
        rows.add_row([
            provider.provider.to_string(),
            provider.block_count.to_string(),
            statuses.join("\n"),
            provider.done_count().to_string(),
        ]);
    }
    rows
}

/// One document: the blocks as they are found, then the counts.
async fn show_json(ctx: &Context, request: &PlanRequest) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(stdout());
    let mut written = out.write_all(b"{\"blocks\": [");
    let mut separator = "\n";
    let print = |block: &PlannedBlock| {
        if let Ok(text) = serde_json::to_string(block) {
            if written.is_ok() {
                written = write!(out, "{separator}{text}");
            }
            separator = ",\n";
        }
    };
    let plan = pipeline::plan_patiently(ctx, request, print).await?;
    let mut members = serde_json::to_value(&plan)?;
    if let Some(members) = members.as_object_mut() {
        members.remove("blocks");
    }
    let members = members.to_string();
    let rest = members.trim_start_matches('{');
    output::tolerate(
        written
            .and_then(|()| writeln!(out, "],\n{rest}"))
            .and_then(|()| out.flush()),
    )?;
    drop(out);
    check_provider(&plan)?;
    Ok(ExitCode::SUCCESS)
}

/// A plan that tells why it is empty has done its work, unless it could not look for any block.
fn check_provider(plan: &Plan) -> anyhow::Result<()> {
    match &plan.nothing {
        Some(nothing) if nothing.reason == NothingReason::NoProvider => {
            Err(usage(nothing.message.clone()))
        }
        _ => Ok(()),
    }
}
