//! `mds demo`: the main job on embedded parts, with failures and their repair.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use local_stack::{LocalStack, StackOptions};
use pipeline::{Context, PlanRequest};
use sandbox_provider::Times;
use serde_json::{Map, json};
use tokio_util::sync::CancellationToken;
use trips::block::{Block, Hour, HourRange, Stage};
use trips::status::BlockStatus;
use trips::time::CivilZone;
use trips::words::counted;

use crate::args::DemoArgs;
use crate::commands::demo_folder;
use crate::commands::run::run_plan;
use crate::commands::sandbox::providers;
use crate::failure::FAILED;
use crate::output;
use crate::progress::Progress;
use crate::signals;
use crate::table::table;

/// Clocks go back in the night to 1 November 2020: the first day has 24 hours, the second 25.
const TIME_MIN: &str = "2020-10-31-00";
const TIME_MAX: &str = "2020-11-02-00";
const BLOCKS_EACH: u64 = 49;
/// Labels of the hours that fail in the first run.
const NOT_READY: &str = "2020-10-31-09";
const BROKEN: &str = "2020-10-31-18";
const GARBAGE: &str = "2020-11-01-01b";
/// The portal refuses the rows of this civil hour. Those of lime do not come that far: it is the
/// hour that is broken.
const REFUSED: (&str, &str) = ("end_time_us_central", "2020-10-31T17:");

const TRIPS_PER_HOUR: u32 = 60;

pub(crate) async fn demo(args: &DemoArgs, progress: &Progress) -> anyhow::Result<ExitCode> {
    tokio::select! {
        // Polled first, so that a signal is caught before there is anything to clean up.
        biased;
        stopped = signals::stop_status() => {
            let status = stopped?;
            progress.end();
            Ok(ExitCode::from(status))
        }
        ended = run_demo(args, progress) => ended,
    }
}

async fn run_demo(args: &DemoArgs, progress: &Progress) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    demo_folder::prepare(&args.folder)?;
    output::text("Starting Postgres, S3, a portal and two providers on loopback ...")?;
    let stack = start(&args.folder).await?;
    let ctx = stack.context().await?;

    output::text(
        "\nRun 1: two providers, two days with a clock change (24 + 25 hours). On purpose, one hour is not published\n\
         yet, one gets status 500, one gets half a response, the portal refuses the rows of one, and fails three times.",
    )?;
    add_faults(&stack, &ctx)?;
    let request = PlanRequest {
        provider: Some("all".to_owned()),
        time_min: Some(TIME_MIN.to_owned()),
        time_max: Some(TIME_MAX.to_owned()),
        ..PlanRequest::default()
    };
    let failed = run(&ctx, &request, progress).await?;
    output::text("\nWhat failed, and why:")?;
    for block in &failed {
        output::text(&format!("  {:<20} {}", block.name, block.why))?;
    }
    output::text("\nAll hours after run 1:")?;
    print_blocks(&ctx).await?;

    output::text(&format!(
        "\nRun 2: everything works again, and one command does what is left of the incomplete hours:\n  \
         mds run --provider all --time-min {TIME_MIN} --time-max {TIME_MAX} --incomplete-only"
    ))?;
    clear_faults(&stack);
    let incomplete_only = PlanRequest {
        incomplete_only: true,
        ..request
    };
    let still_failed = run(&ctx, &incomplete_only, progress).await?;
    for block in &still_failed {
        output::text(&format!("  {:<20} {}", block.name, block.why))?;
    }
    output::text("\nRepaired by run 2; for one alone, this would do:")?;
    let is_repaired = |block: &&Failure| !still_failed.iter().any(|it| it.name == block.name);
    for block in failed.iter().filter(is_repaired) {
        output::text(&format!("  {:<20} {}", block.name, block.command))?;
    }
    output::text("\nAll hours after run 2:")?;
    let is_complete = print_blocks(&ctx).await?;

    let in_table = ctx.store().trip_count().await?;
    let in_portal = stack.portal.row_count() as u64;
    output::text(&format!(
        "\ntrips in Postgres: {in_table}, rows in the portal: {in_portal}"
    ))?;
    print_locations(&args.folder, &stack)?;
    output::text(&format!("\n{:.1} s in all", began.elapsed().as_secs_f64()))?;
    if is_complete && in_table == in_portal {
        return Ok(ExitCode::SUCCESS);
    }
    note!("mds: the demo did not end with every block complete and published");
    Ok(ExitCode::from(FAILED))
}

async fn start(folder: &Path) -> anyhow::Result<LocalStack> {
    let mut options = StackOptions::with_providers(providers(TRIPS_PER_HOUR));
    options.folder = Some(folder.to_owned());
    // An hour is never sent in two parts, so that the portal refuses the same rows in each run.
    options.settings = Map::from_iter([("SOCRATA_CHUNK_ROWS".to_owned(), json!(10_000))]);
    options.provider_settings = Map::from_iter([("max_attempts".to_owned(), json!(2))]);
    Ok(LocalStack::start(options).await?)
}

fn add_faults(stack: &LocalStack, ctx: &Context) -> anyhow::Result<()> {
    let hour = |label: &str| {
        Hour::from_label(ctx.zone(), label)
            .map(|hour| hour.start())
            .context("an hour of the demo is malformed")
    };
    let (bird, lime) = (&stack.providers["bird"], &stack.providers["lime"]);
    let (not_ready, garbage) = (
        sandbox_provider::Fault::NotReady,
        sandbox_provider::Fault::TruncatedJson,
    );
    let broken = sandbox_provider::Fault::Status {
        status: 500,
        retry_after: None,
    };
    bird.fail_hour(hour(NOT_READY)?, not_ready, Times::Always);
    bird.fail_hour(hour(GARBAGE)?, garbage, Times::Always);
    lime.fail_hour(hour(BROKEN)?, broken, Times::Always);
    for fault in [
        sandbox_portal::Fault::Status {
            status: 503,
            retry_after: None,
        },
        sandbox_portal::Fault::Status {
            status: 429,
            retry_after: Some(1),
        },
        sandbox_portal::Fault::DropConnection { applied: true },
    ] {
        stack.portal.fail_next(fault);
    }
    stack.portal.refuse_rows(REFUSED.0, REFUSED.1);
    Ok(())
}

/// A block that a run could not complete.
struct Failure {
    block: Block,
    /// The provider and the label.
    name: String,
    /// The command that does what is left of it.
    command: String,
    why: String,
}

impl Failure {
    fn new(zone: &CivilZone, block: Block, why: String) -> Self {
        Self {
            name: block.name(zone),
            command: block.command(zone),
            block,
            why,
        }
    }
}

fn clear_faults(stack: &LocalStack) {
    for provider in stack.providers.values() {
        provider.clear_faults();
    }
    stack.portal.clear_faults();
}

async fn run(
    ctx: &Arc<Context>,
    request: &PlanRequest,
    progress: &Progress,
) -> anyhow::Result<Vec<Failure>> {
    let began = Instant::now();
    let plan = pipeline::plan(ctx, request, |_| {}).await?;
    let never = CancellationToken::new();
    let (summary, _) = run_plan(Arc::clone(ctx), &plan, progress, never).await?;
    output::text(&format!(
        "{} to do in {:.1} s: {} done, {} not published yet, {} failed",
        counted(plan.block_count, "hour"),
        began.elapsed().as_secs_f64(),
        summary.done,
        summary.not_ready,
        summary.failed
    ))?;
    let mut failed: Vec<Failure> = summary
        .first_failed
        .iter()
        .map(|block| {
            let message = block.message.as_deref().unwrap_or("no message");
            let why = format!("{}: {message}", block.step);
            let block = Block {
                provider: block.provider.clone(),
                hour: block.block_start,
            };
            Failure::new(ctx.zone(), block, why)
        })
        .collect();
    if summary.not_ready > 0 {
        let block = Block {
            provider: "bird".parse()?,
            hour: Hour::from_label(ctx.zone(), NOT_READY)?,
        };
        let why = "extract: the provider has not published the hour yet".to_owned();
        failed.push(Failure::new(ctx.zone(), block, why));
    }
    failed.sort_by_key(|it| (it.block.hour, it.block.provider.clone()));
    Ok(failed)
}

/// Prints the statuses of the blocks. Returns whether every block is complete and all counts add
/// up.
async fn print_blocks(ctx: &Context) -> anyhow::Result<bool> {
    let (first, end) = (
        ctx.zone().parse_time(TIME_MIN)?,
        ctx.zone().parse_time(TIME_MAX)?,
    );
    let range = HourRange::new(first, end).context("the range of the demo is empty")?;
    let overview = ctx.store().overview(range).await?;
    let mut table = table(
        &[
            "provider",
            "hours",
            "trips fetched",
            "= loaded",
            "+ rejected",
            "+ duplicates",
        ],
        2,
    );
    for provider in &overview {
        let blocks: Vec<_> = provider
            .blocks
            .iter()
            .map(|(status, n)| format!("{n} {}", status.as_str()))
            .collect();
        table.add_row([
            provider.provider.to_string(),
            blocks.join("\n"),
            provider.fetched.to_string(),
            provider.loaded.to_string(),
            provider.rejected.to_string(),
            provider.duplicates.to_string(),
        ]);
    }
    output::text(&table)?;
    Ok(overview.iter().all(|provider| {
        let published = provider
            .blocks
            .get(&BlockStatus::Published)
            .copied()
            .unwrap_or(0);
        let empty = provider
            .blocks
            .get(&BlockStatus::NoTrips)
            .copied()
            .unwrap_or(0);
        published + empty == BLOCKS_EACH
            && provider.fetched == provider.loaded + provider.rejected + provider.duplicates
    }))
}

fn print_locations(folder: &Path, stack: &LocalStack) -> anyhow::Result<()> {
    let archive = stack.bucket_folder().join(Stage::Staging.as_str());
    output::text("\nTo look around:")?;
    output::text(&format!("  archive, encrypted   {}", archive.display()))?;
    output::text(&format!(
        "  portal's rows        {}",
        folder.join("portal.jsonl").display()
    ))?;
    output::text(&format!(
        "  database             mds sandbox --folder {}   starts it again and prints the psql command",
        folder.display()
    ))
}

#[cfg(test)]
mod tests;
