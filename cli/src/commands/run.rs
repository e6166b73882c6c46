//! `mds run`: plan a range, work through it, say how it ended.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use pipeline::{Context, ErrorName, Plan, PlanRequest, PlannedBlock, RunOptions, run_local};
use store::RunSummary;
use tokio_util::sync::CancellationToken;

use crate::args::RunArgs;
use crate::commands::connect;
use crate::failure::FAILED;
use crate::progress::Progress;

pub(crate) async fn run(
    args: &RunArgs,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    plan_and_run(&args.request(), json, progress).await
}

/// What `mds run` and the commands for a single step have in common.
pub(crate) async fn plan_and_run(
    request: &PlanRequest,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    let ctx = connect::context(request.max_concurrency).await?;
    if request.dry_run {
        let plan = pipeline::plan(&ctx, request, |block| print_planned(block, json)).await?;
        say_left_out(&plan);
        eprintln!(
            "dry run: {} blocks to do, nothing written",
            plan.block_count
        );
        return Ok(ExitCode::SUCCESS);
    }
    let plan = pipeline::plan(&ctx, request, |_| {}).await?;
    say_left_out(&plan);
    let (summary, code) = carry_out(ctx, &plan, progress).await?;
    print_summary(&plan, &summary, json)?;
    Ok(code)
}

/// Works through a plan until it ends or Ctrl-C asks to stop; a second Ctrl-C stops at once.
pub(crate) async fn carry_out(
    ctx: Arc<Context>,
    plan: &Plan,
    progress: &Progress,
) -> anyhow::Result<(RunSummary, ExitCode)> {
    let cancel = CancellationToken::new();
    let listener = tokio::spawn(cancel_on_interrupt(cancel.clone()));
    let options = RunOptions {
        concurrency: usize::try_from(plan.max_concurrency)?,
        cancel: cancel.clone(),
    };
    let ended = run_local(
        Arc::clone(&ctx),
        plan,
        options,
        progress.start(plan.block_count),
    )
    .await;
    listener.abort();
    progress.end();
    if cancel.is_cancelled() {
        eprintln!("stopped; the same command goes on from here");
    }
    match ended {
        Ok(summary) => Ok((summary, ExitCode::SUCCESS)),
        Err(error) if error.name == ErrorName::RunHadFailures => {
            let summary = ctx
                .store()
                .run_summary(plan.run_id)
                .await?
                .context("the run's own row is gone from api.runs")?;
            Ok((summary, ExitCode::from(FAILED)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn cancel_on_interrupt(cancel: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    cancel.cancel();
    eprintln!("stopping after the steps under way; Ctrl-C again stops at once");
    if tokio::signal::ctrl_c().await.is_ok() {
        // What is cut off here is what kill -9 would cut off, and is resumed the same way.
        std::process::exit(130);
    }
}

fn say_left_out(plan: &Plan) {
    if plan.not_ended > 0 {
        eprintln!(
            "{} blocks have not ended yet and are left out",
            plan.not_ended
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
        block.status.description(),
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
            "nothing to do: of {} blocks the chosen steps are done, or wait for one that is left out",
            plan.nothing_to_do
        );
        return Ok(());
    }
    println!("{summary}");
    Ok(())
}
