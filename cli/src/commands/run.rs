//! `mds run`: plans a range of hours, runs the plan and reports how it ended.

mod dry_run;
pub(crate) mod huge;
pub(crate) mod report;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use pipeline::{
    Context, GaveUp, Nothing, Plan, PlanRequest, RunEnd, RunOptions, RunSummary, run_local,
};
use tokio_util::sync::CancellationToken;

use crate::args::{BlockArgs, RunArgs, Target};
use crate::commands::connect;
use crate::failure::{FAILED, usage};
use crate::progress::Progress;
use crate::signals::{Stop, say};
use report::Report;

/// What is written at the first signal.
pub(super) const STOPPING: &str = "stopping after the steps under way; Ctrl-C again stops at once";

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
        Target::Local => plan_and_run(&args.request(), &args.blocks, json, progress).await,
    }
}

/// Plans and runs a request: the common part of `mds run` and the commands for a single step.
pub(crate) async fn plan_and_run(
    request: &PlanRequest,
    args: &BlockArgs,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    if request.ignores_interval() {
        note!("--interval is ignored, because --time-min and --time-max are both given");
    }
    let stop = Stop::listen(STOPPING);
    let prepare = async {
        let ctx = connect::context(request.max_concurrency).await?;
        if request.dry_run {
            let code = dry_run::show(&ctx, request, args.full, json).await?;
            return Ok(Err(code));
        }
        huge::confirm(&ctx, request, args.yes).await?;
        let plan = pipeline::plan_patiently(&ctx, request, |_| {}).await?;
        anyhow::Ok(Ok((ctx, plan)))
    };
    let (ctx, plan) = match stop.unless_stopped(prepare).await {
        None => {
            say("stopped before anything was run");
            return Ok(ExitCode::from(stop.status().unwrap_or(FAILED)));
        }
        Some(prepared) => match prepared? {
            Ok(planned) => planned,
            Err(shown) => return Ok(shown),
        },
    };
    stop.work_begins();
    if plan.nothing.as_ref().is_none_or(Nothing::is_done) {
        report::print_left_out(&plan);
    }
    let ended = run_to_end(ctx, &plan, progress, stop.token().clone()).await?;
    Report {
        plan: &plan,
        end: &ended,
        stopped: stop.status(),
        seconds: began.elapsed().as_secs_f64(),
    }
    .print(json)?;
    if let Some(status) = stop.status() {
        return Ok(ExitCode::from(status));
    }
    exit_code(&plan, &ended)
}

fn exit_code(plan: &Plan, ended: &RunEnd) -> anyhow::Result<ExitCode> {
    match &plan.nothing {
        Some(nothing) if !nothing.is_done() => Err(usage(nothing.message.clone())),
        _ if has_left_rows(plan) => Ok(ExitCode::from(FAILED)),
        _ => Ok(code_of(&ended.summary, ended.gave_up.as_ref())),
    }
}

/// Whether an audit has found differences that the run does nothing about.
fn has_left_rows(plan: &Plan) -> bool {
    let audit = plan.audit.as_ref();
    audit.is_some_and(|audit| audit.left > 0)
}

fn code_of(summary: &RunSummary, gave_up: Option<&GaveUp>) -> ExitCode {
    if summary.is_success() && gave_up.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    }
}

/// Runs a plan until it ends or is cancelled. Says so if it gives up.
pub(crate) async fn run_plan(
    ctx: Arc<Context>,
    plan: &Plan,
    progress: &Progress,
    cancel: CancellationToken,
) -> anyhow::Result<(RunSummary, ExitCode)> {
    let ended = run_to_end(ctx, plan, progress, cancel).await?;
    report::print_gave_up(&ended);
    let code = code_of(&ended.summary, ended.gave_up.as_ref());
    Ok((ended.summary, code))
}

async fn run_to_end(
    ctx: Arc<Context>,
    plan: &Plan,
    progress: &Progress,
    cancel: CancellationToken,
) -> anyhow::Result<RunEnd> {
    let options = RunOptions {
        concurrency: usize::try_from(plan.max_concurrency)?,
        cancel,
    };
    let shown = progress.start(plan.block_count);
    let ended = run_local(ctx, plan, options, Arc::clone(&shown) as _).await;
    progress.end();
    shown.end();
    Ok(ended?)
}
