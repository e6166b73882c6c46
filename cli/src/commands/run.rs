//! `mds run`: plans a range of hours, runs the plan and reports how it ended.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use pipeline::{Context, ErrorName, Plan, PlanRequest, PlannedBlock, RunOptions, run_local};
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
    let ctx = connect::context(request.max_concurrency).await?;
    if request.dry_run {
        let plan = pipeline::plan(&ctx, request, |block| print_planned(block, json)).await?;
        print_skipped(&plan);
        eprintln!(
            "dry run: {} blocks to do, nothing written",
            plan.block_count
        );
        return Ok(ExitCode::SUCCESS);
    }
    let plan = pipeline::plan(&ctx, request, |_| {}).await?;
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
    let ended = run_local(
        Arc::clone(&ctx),
        plan,
        options,
        progress.start(plan.block_count),
    )
    .await;
    progress.end();
    match ended {
        Ok(summary) => Ok((summary, ExitCode::SUCCESS)),
        Err(error) if error.name == ErrorName::RunHadFailures => {
            let summary = ctx
                .store()
                .run_summary(plan.run_id)
                .await?
                .context("the run's row is missing from api.runs")?;
            Ok((summary, ExitCode::from(FAILED)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The first signal lets the running steps finish; the second one ends the process at once.
async fn cancel_on_signal(cancel: CancellationToken) {
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
            "nothing to do: for {} blocks the chosen steps are done, or wait for a step that is left out",
            plan.nothing_to_do
        );
        return Ok(());
    }
    println!("{summary}");
    Ok(())
}
