//! `mds extract`, `mds sync-db` and `mds sync-socrata`: a run of one step, or one step over a local
//! file.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use pipeline::{BlockItem, Context, PipelineError, PlanRequest, Source, SyncDbOutput};
use serde::Serialize;
use trips::block::{Block, Hour, ProviderName};
use trips::status::Step;
use trips::words::counted;

use crate::args::StepArgs;
use crate::commands::{connect, run};
use crate::failure;
use crate::output;
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
        return run::plan_and_run(&request, &args.blocks, json, progress).await;
    };
    // Dropping the work removes its temporary file and ends its claim.
    tokio::select! {
        done = Box::pin(with_file(step, request, file, json)) => done,
        stopped = signals::stop_status() => {
            note!("stopped; {} is as it was", file.display());
            Ok(ExitCode::from(stopped?))
        }
    }
}

async fn with_file(
    step: Step,
    request: PlanRequest,
    file: &Path,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let source = Source::File(file);
    let path = file.display();
    match step {
        Step::Extract => {
            let ctx = connect::context(None).await?;
            let block = pipeline::single_block(&ctx, &request)?;
            let done = named(pipeline::extract_to(&ctx, &block, file).await)?;
            let text = format!(
                "{} in {} written to {path}",
                counted(done.trips, "trip"),
                counted(done.pages, "page")
            );
            print(&ctx, &block, &done, &text, json)
        }
        Step::SyncDb => {
            let (ctx, item) = item_for_file(request, file).await?;
            let item = named(pipeline::sync_db(&ctx, item, source).await);
            let item = item.with_context(|| path.to_string())?;
            let block = item.block()?;
            let done = item.sync_db.context("the step has no output")?;
            let text = format!("{} of {path}", loaded(&done));
            print(&ctx, &block, &done, &text, json)
        }
        Step::SyncSocrata => {
            let (ctx, item) = item_for_file(request, file).await?;
            let item = named(pipeline::sync_socrata(&ctx, item, source).await);
            let item = item.with_context(|| path.to_string())?;
            let block = item.block()?;
            let done = item.sync_socrata.context("the step has no output")?;
            let text = format!(
                "rows of {path} published: {} created, {} updated, {} deleted",
                done.created, done.updated, done.deleted
            );
            print(&ctx, &block, &done, &text, json)
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

/// `41 of 42 trips loaded, 1 rejected`, without what is zero.
fn loaded(done: &SyncDbOutput) -> String {
    let mut text = format!(
        "{} of {} loaded",
        done.loaded,
        counted(done.fetched, "trip")
    );
    for (count, how) in [
        (done.rejected, "rejected"),
        (done.duplicates, "duplicates"),
        (done.withdrawn, "withdrawn that were loaded before"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {how}");
        }
    }
    text
}

/// Plans the block whose contents the file holds. The step is forced, because the file replaces
/// what an earlier run has loaded or published. Trips of another block, or of one page of several,
/// are refused unless the command has `--force`, and so are those of a block whose archive waits.
async fn item_for_file(
    request: PlanRequest,
    file: &Path,
) -> anyhow::Result<(Arc<Context>, BlockItem)> {
    let is_forced = request.force;
    let request = PlanRequest {
        force: true,
        ..request
    };
    // Checked before the block is planned: a wrong file must not count as a failed block.
    File::open(file).map_err(|e| failure::usage(format!("{}: {e}", file.display())))?;
    let ctx = connect::context(None).await?;
    let block = pipeline::single_block(&ctx, &request)?;
    if !request.no_sync_db {
        pipeline::check_trips_file(&ctx, &block, file, is_forced).await?;
    }
    let plan = pipeline::plan_patiently(&ctx, &request, |_| {}).await?;
    if plan.block_count == 0 {
        return Err(pipeline::not_loaded(&block, ctx.zone()).into());
    }
    let needs_archive = plan
        .blocks
        .iter()
        .any(|it| !it.status.has_done(Step::SyncDb));
    let may_hide = !request.no_sync_db && !is_forced && needs_archive;
    if may_hide && has_archive(&ctx, &request).await? {
        return Err(archive_waits(&ctx, &block, file));
    }
    let manifest = plan.manifest.context("the plan has no manifest")?;
    let item = pipeline::read_manifest(&ctx, &manifest)
        .await?
        .recv()
        .await
        .context("the plan has no block")??;
    Ok((ctx, item))
}

/// Whether the bucket has the block's archive. A block may have one that the schedule does not know
/// yet: a new database over an old bucket takes archives over.
async fn has_archive(ctx: &Context, request: &PlanRequest) -> anyhow::Result<bool> {
    let look = PlanRequest {
        dry_run: true,
        ..request.clone()
    };
    let plan = pipeline::plan_patiently(ctx, &look, |_| {}).await?;
    Ok(plan.without_archive == Some(0))
}

/// After the load of a file the block counts as loaded, so that no run would look at its archive.
fn archive_waits(ctx: &Context, block: &Block, file: &Path) -> anyhow::Error {
    let (provider, label) = (&block.provider, block.hour.label(ctx.zone()));
    failure::usage(format!(
        "{}: the archive of {provider} {label} is not loaded yet, and after the file nothing would load it; load it \
         first with `mds sync-db --provider {provider} --time-max {label}`, or take the file in its place with --force",
        file.display()
    ))
}

/// What a step has done with a block.
#[derive(Serialize)]
struct Done<'a, T> {
    provider: &'a ProviderName,
    label: String,
    block_start: Hour,
    block_end: Hour,
    #[serde(flatten)]
    output: &'a T,
}

fn print(
    ctx: &Context,
    block: &Block,
    output: &impl Serialize,
    text: &str,
    json: bool,
) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&Done {
            provider: &block.provider,
            label: block.hour.label(ctx.zone()),
            block_start: block.hour,
            block_end: block.hour.next(),
            output,
        })?;
    } else {
        output::text(&format!("{}: {text}", block.name(ctx.zone())))?;
    }
    Ok(ExitCode::SUCCESS)
}
