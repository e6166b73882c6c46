//! `mds extract`, `mds sync-db` and `mds sync-socrata`: a run of one step, or one step over a local
//! file.

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use pipeline::{BlockItem, Context, PipelineError, PlanRequest, Source};
use serde::Serialize;
use trips::status::Step;

use crate::args::StepArgs;
use crate::commands::{connect, run};
use crate::failure;
use crate::progress::Progress;
use crate::signals;

pub(crate) async fn one_step(
    step: Step,
    args: &StepArgs,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    let request = PlanRequest {
        no_extract: step != Step::Extract,
        no_sync_db: step != Step::SyncDb,
        no_sync_socrata: step != Step::SyncSocrata,
        ..args.blocks.request()
    };
    let Some(file) = &args.file else {
        return run::plan_and_run(&request, json, progress).await;
    };
    // Dropping the work removes its temporary file and ends its claim.
    tokio::select! {
        done = Box::pin(with_file(step, request, file)) => done,
        stopped = signals::stop_status() => {
            eprintln!("stopped; {} is as it was", file.display());
            Ok(ExitCode::from(stopped?))
        }
    }
}

async fn with_file(step: Step, request: PlanRequest, file: &Path) -> anyhow::Result<ExitCode> {
    let source = Source::File(file);
    match step {
        Step::Extract => {
            let ctx = connect::context(None).await?;
            let block = pipeline::single_block(&ctx, &request)?;
            print(&named(pipeline::extract_to(&ctx, &block, file).await)?)
        }
        Step::SyncDb => {
            let (ctx, item) = item_for_file(request, file).await?;
            print(&named(pipeline::sync_db(&ctx, item, source).await)?.sync_db)
        }
        Step::SyncSocrata => {
            let (ctx, item) = item_for_file(request, file).await?;
            print(&named(pipeline::sync_socrata(&ctx, item, source).await)?.sync_socrata)
        }
    }
}

/// The result of a step, whose error begins with its name, as in a run's summary.
fn named<T>(done: Result<T, PipelineError>) -> anyhow::Result<T> {
    done.map_err(|error| {
        let name = error.name;
        anyhow::Error::new(error).context(name)
    })
}

/// Plans the block whose contents the file holds. The step is forced, because the file replaces
/// what an earlier run has loaded or published. Trips of another block are refused unless the
/// command has `--force`.
async fn item_for_file(
    request: PlanRequest,
    file: &Path,
) -> anyhow::Result<(Arc<Context>, BlockItem)> {
    let is_forced = request.force;
    let request = PlanRequest {
        force: true,
        ..request
    };
    // Checked before the block is claimed: a typo in the name must not count as a failed block.
    File::open(file).map_err(|e| failure::usage(format!("{}: {e}", file.display())))?;
    let ctx = connect::context(None).await?;
    let block = pipeline::single_block(&ctx, &request)?;
    if !is_forced && !request.no_sync_db {
        pipeline::check_trips_file(&ctx, &block, file).await?;
    }
    let plan = pipeline::plan_patiently(&ctx, &request, |_| {}).await?;
    if plan.block_count == 0 {
        return Err(pipeline::not_loaded(&block).into());
    }
    let manifest = plan.manifest.context("the plan has no manifest")?;
    let item = pipeline::read_manifest(&ctx, &manifest)
        .await?
        .recv()
        .await
        .context("the plan has no block")??;
    Ok((ctx, item))
}

#[expect(clippy::print_stdout, reason = "the report is this command's data")]
fn print(report: &impl Serialize) -> anyhow::Result<ExitCode> {
    println!("{}", serde_json::to_string_pretty(report)?);
    Ok(ExitCode::SUCCESS)
}
