//! `mds run`: plans a range of hours, runs the plan and reports how it ended.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use pipeline::{Context, Plan, PlanRequest, PlannedBlock, RunOptions, run_local};
use serde::Deserialize;
use store::RunSummary;
use tokio_util::sync::CancellationToken;

use crate::args::{RunArgs, Target};
use crate::commands::connect;
use crate::failure::{FAILED, usage};
use crate::progress::Progress;
use crate::signals;

pub(crate) async fn run(
    args: &RunArgs,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    match args.on {
        Target::Aws => crate::aws::run(args, json, progress).await,
        Target::Local if args.watch || args.name.is_some() => Err(usage(
            "--watch and --name need --on aws: they describe an execution of the state machine",
        )),
        Target::Local => plan_and_run(&args.request(), json, progress).await,
    }
}

/// Plans and runs a request: the common part of `mds run` and the commands for a single step.
pub(crate) async fn plan_and_run(
    request: &PlanRequest,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    if request.ignores_interval() {
        eprintln!("--interval is ignored, because --time-min and --time-max are both given");
    }
    let ctx = connect::context(request.max_concurrency).await?;
    if request.dry_run {
        let show = |block: &PlannedBlock| print_planned(block, json);
        let plan = pipeline::plan_patiently(&ctx, request, show).await?;
        print_skipped(&plan);
        eprintln!(
            "dry run: {} blocks to do, nothing written",
            plan.block_count
        );
        return Ok(ExitCode::SUCCESS);
    }
    let plan = pipeline::plan_patiently(&ctx, request, |_| {}).await?;
    if is_only_ahead(&plan) {
        return Err(usage(format!(
            "{} blocks have not ended yet, and the request is for no others; run it again once they have, or check \
             its times and this machine's clock",
            plan.not_ended
        )));
    }
    print_skipped(&plan);
    let cancel = CancellationToken::new();
    let listener = tokio::spawn(cancel_on_signal(cancel.clone()));
    let ended = run_plan(ctx, &plan, progress, cancel.clone()).await;
    listener.abort();
    if cancel.is_cancelled() {
        eprintln!("stopped; run the same command again to continue");
    }
    let (summary, code) = ended?;
    print_summary(&plan, &summary, json)?;
    Ok(code)
}

/// Runs a plan until it ends or is cancelled.
pub(crate) async fn run_plan(
    ctx: Arc<Context>,
    plan: &Plan,
    progress: &Progress,
    cancel: CancellationToken,
) -> anyhow::Result<(RunSummary, ExitCode)> {
    let options = RunOptions {
        concurrency: usize::try_from(plan.max_concurrency)?,
        cancel,
    };
    let ended = run_local(ctx, plan, options, progress.start(plan.block_count)).await;
    progress.end();
    let summary = ended?;
    let code = if summary.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    };
    Ok((summary, code))
}

/// Whether nothing of what was requested exists yet.
fn is_only_ahead(plan: &Plan) -> bool {
    let has_compared = plan.audit.as_ref().is_some_and(|audit| audit.hours > 0);
    !has_compared
        && plan.not_ended > 0
        && plan.block_count + plan.nothing_to_do + plan.not_loaded + plan.before_start == 0
}

/// The first signal lets the running steps finish; the second one ends the process at once.
pub(super) async fn cancel_on_signal(cancel: CancellationToken) {
    if signals::stop_requested().await.is_err() {
        return;
    }
    cancel.cancel();
    eprintln!("stopping after the steps under way; Ctrl-C again stops at once");
    if signals::stop_requested().await.is_ok() {
        // Equivalent to `kill -9`: the next run resumes from the same state.
        std::process::exit(signals::STOPPED.into());
    }
}

fn print_skipped(plan: &Plan) {
    if let Some(audit) = &plan.audit {
        eprintln!(
            "audit of {} hours: {} differ; the portal lacks {} rows, has {} with another content and {} that only it \
             has, of which {} are deleted",
            audit.hours,
            audit.hours_that_differ,
            audit.missing,
            audit.different,
            audit.extra,
            audit.extra_deleted
        );
    }
    if plan.not_ended > 0 {
        eprintln!(
            "{} blocks have not ended yet and are left out",
            plan.not_ended
        );
    }
    if plan.not_loaded > 0 {
        eprintln!(
            "{} blocks are not loaded, so there is nothing to publish, and are left out",
            plan.not_loaded
        );
    }
    print_before_start(plan);
}

pub(super) fn print_before_start(plan: &Plan) {
    if plan.before_start > 0 {
        eprintln!(
            "{} blocks are from before their provider's active_from and are left out; --provider with its name \
             includes them",
            plan.before_start
        );
    }
}

#[expect(clippy::print_stdout, reason = "the plan is this command's data")]
fn print_planned(block: &PlannedBlock, json: bool) {
    if json {
        if let Ok(line) = serde_json::to_string(block) {
            println!("{line}");
        }
        return;
    }
    let steps: Vec<_> = block.steps.iter().map(|step| step.as_str()).collect();
    println!(
        "{} {} ({}): {}",
        block.provider,
        block.label,
        block.status.as_str(),
        steps.join(", ")
    );
}

#[expect(clippy::print_stdout, reason = "the summary is this command's data")]
fn print_summary(plan: &Plan, summary: &RunSummary, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(summary)?);
        return Ok(());
    }
    if plan.block_count == 0 {
        println!(
            "{}",
            nothing_to_do(&LeftOut {
                done: plan.nothing_to_do,
                not_loaded: plan.not_loaded,
                not_ended: plan.not_ended,
                before_start: plan.before_start,
            })
        );
        return Ok(());
    }
    println!("{summary}");
    Ok(())
}

/// The blocks of a range that a plan leaves out, by the reason.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LeftOut {
    #[serde(rename = "nothing_to_do")]
    done: u64,
    not_loaded: u64,
    not_ended: u64,
    before_start: u64,
}

/// Says why a plan has no blocks.
pub(crate) fn nothing_to_do(left_out: &LeftOut) -> String {
    let mut text = format!(
        "nothing to do: for {} blocks the chosen steps are done, or wait for a step that is left out",
        left_out.done
    );
    for (count, why) in [
        (left_out.not_loaded, "are not loaded"),
        (left_out.not_ended, "have not ended yet"),
        (
            left_out.before_start,
            "are from before their provider's start",
        ),
    ] {
        if count > 0 {
            let _ = write!(text, "; {count} blocks {why}");
        }
    }
    text
}
