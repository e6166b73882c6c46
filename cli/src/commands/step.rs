//! `mds extract`, `mds sync-db` and `mds sync-socrata`: a run of one step, or that step over a local file.

use std::path::Path;
use std::process::ExitCode;

use pipeline::{BlockItem, Context, PlanRequest, TripsSource};

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
    let item = pipeline::sync_db(&ctx, item, TripsSource::File(file)).await?;
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
    let item = pipeline::sync_socrata_from(&ctx, item, RowsSource::File(file)).await?;
    print(&item.sync_socrata)
}
