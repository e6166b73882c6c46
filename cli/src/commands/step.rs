//! `mds extract`, `mds sync-db` and `mds sync-socrata`: a run of one step, or that step over a
//! local file.

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use pipeline::{BlockItem, Context, PlanRequest, Source};
use serde::Serialize;

use crate::args::StepArgs;
use crate::commands::{connect, run};
use crate::failure;
use crate::progress::Progress;

pub(crate) async fn extract(
    args: &StepArgs,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    let Some(file) = &args.file else {
        let request = PlanRequest {
            no_sync_db: true,
            no_sync_socrata: true,
            ..args.blocks.request()
        };
        return run::plan_and_run(&request, json, progress).await;
    };
    let ctx = connect::context(None).await?;
    let block = pipeline::single_block(&ctx, &args.blocks.request())?;
    let report = pipeline::extract_to(&ctx, &block, file).await?;
    print(&report)
}

pub(crate) async fn sync_db(
    args: &StepArgs,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    let request = PlanRequest {
        no_extract: true,
        no_sync_socrata: true,
        ..args.blocks.request()
    };
    let Some(file) = &args.file else {
        return run::plan_and_run(&request, json, progress).await;
    };
    let (ctx, item) = item_for_file(request, file).await?;
    let item = pipeline::sync_db(&ctx, item, Source::File(file)).await?;
    print(&item.sync_db)
}

pub(crate) async fn sync_socrata(
    args: &StepArgs,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    let request = PlanRequest {
        no_extract: true,
        no_sync_db: true,
        ..args.blocks.request()
    };
    let Some(file) = &args.file else {
        return run::plan_and_run(&request, json, progress).await;
    };
    let (ctx, item) = item_for_file(request, file).await?;
    let item = pipeline::sync_socrata(&ctx, item, Source::File(file)).await?;
    print(&item.sync_socrata)
}

/// Plans the one block, to be done again whatever its status: the file is what is asked for.
async fn item_for_file(
    request: PlanRequest,
    file: &Path,
) -> anyhow::Result<(Arc<Context>, BlockItem)> {
    let request = PlanRequest {
        force: true,
        ..request
    };
    // Before the block is touched: a slip in the name is no failure of the block.
    File::open(file).map_err(|e| failure::usage(format!("{}: {e}", file.display())))?;
    let ctx = connect::context(None).await?;
    pipeline::single_block(&ctx, &request)?;
    let plan = pipeline::plan(&ctx, &request, |_| {}).await?;
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
