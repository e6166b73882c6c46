//! `plan`: from a request to the blocks and steps of a run (docs/CONTRACT.md, "Time" and "Events
//! and errors").

use chrono::{DateTime, Utc};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use store::RunRecord;
use trips::block::{Hour, ProviderName, manifest_key};
use trips::status::{BlockStatus, Step, refetch_steps, steps_to_do};
use uuid::Uuid;
use vault::Seal;

use self::blocks::{parts, read_ahead, rows};
use self::ranges::{Ranges, ranges};
use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, ManifestLocation, PlanRequest};
use crate::object_stream::JsonArrayStream;

mod blocks;
mod ranges;

pub(crate) use self::ranges::DEFAULT_LAG_HOURS;
pub use self::ranges::single_block;

const FIRST_BLOCKS: usize = 10;
const DEFAULT_CONCURRENCY: u32 = 10;
/// Providers whose blocks are entered at the same time: a function has two connections.
const PROVIDERS_AT_ONCE: usize = 2;

/// The answer of `plan-blocks`.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Names this run in the bucket, the tables and the logs.
    pub run_id: Uuid,
    /// Blocks with something to do.
    pub block_count: u64,
    /// Where the items lie; none for a dry run, which writes nothing.
    pub manifest: Option<ManifestLocation>,
    /// How many blocks may be worked on at once.
    pub max_concurrency: u32,
    /// Whether this was only a look.
    pub dry_run: bool,
    /// Hours of the range that have not ended yet and are left out.
    pub not_ended: u64,
    /// Blocks of the range with nothing left to do.
    pub nothing_to_do: u64,
    /// The first ten.
    pub blocks: Vec<PlannedBlock>,
}

/// One block of a plan, for people; the manifest holds [`BlockItem`]s.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedBlock {
    /// The provider's short name.
    pub provider: ProviderName,
    /// The hour's label: its end in civil time.
    pub label: String,
    /// First instant of the hour.
    pub block_start: DateTime<Utc>,
    /// The block's status now.
    pub status: BlockStatus,
    /// The steps to do, in order.
    pub steps: Vec<Step>,
}

/// Chooses the blocks and steps of a run, writes them to its manifest, and shows each to `on_block`
/// as it goes.
///
/// A dry run leaves no trace: no schedule row, no run, no manifest.
///
/// # Errors
///
/// `InvalidInput` for a request that makes no sense, `ConfigInvalid` for a setting that its steps
/// miss, `DatabaseUnavailable`, `StorageUnavailable`.
pub async fn plan(
    ctx: &Context,
    request: &PlanRequest,
    mut on_block: impl FnMut(&PlannedBlock) + Send,
) -> Result<Plan, PipelineError> {
    let now = ctx.now();
    let ranges = ranges(ctx, request, now)?;
    ctx.check_settings(request.steps())?;
    let run_id = request.run_id()?;
    let mut plan = Plan {
        run_id,
        block_count: 0,
        manifest: None,
        max_concurrency: max_concurrency(request)?,
        dry_run: request.dry_run,
        not_ended: ranges.values().map(|r| r.not_ended).sum(),
        nothing_to_do: 0,
        blocks: Vec::new(),
    };
    let mut manifest = if request.dry_run {
        None
    } else {
        prepare(ctx, request, run_id, &ranges).await?;
        let key = manifest_key(ctx.config().env.stage, run_id);
        Some(JsonArrayStream::create(ctx.vault(), &key, Seal::Plain)?)
    };

    let mut parts = parts(&ranges);
    let mut next = parts.next().map(|part| read_ahead(ctx, part));
    while let Some(reading) = next.take() {
        let known = reading
            .await
            .map_err(|_| PipelineError::interrupted("reading the schedule"))??;
        next = parts.next().map(|part| read_ahead(ctx, part));
        for row in rows(ctx, known)? {
            let steps = if row.is_refetch_due && !request.force && !request.no_extract {
                refetch_steps(request.steps())
            } else {
                steps_to_do(
                    row.status,
                    request.steps(),
                    request.force,
                    request.incomplete_only,
                )
            };
            if steps.is_empty() {
                plan.nothing_to_do += 1;
                continue;
            }
            let block = PlannedBlock {
                label: row.block.hour.label(ctx.zone()),
                block_start: row.block.hour.start(),
                provider: row.block.provider,
                status: row.status,
                steps,
            };
            on_block(&block);
            plan.block_count += 1;
            if let (Some(manifest), Some(schedule_id)) = (&mut manifest, row.schedule_id) {
                manifest
                    .push(&item(run_id, schedule_id, request.force, &block))
                    .await?;
            }
            if plan.blocks.len() < FIRST_BLOCKS {
                plan.blocks.push(block);
            }
        }
    }

    if let Some(manifest) = manifest {
        plan.manifest = Some(ManifestLocation {
            bucket: ctx.vault().bucket().to_owned(),
            key: manifest.finish().await?.key,
        });
        ctx.store().finish_plan(run_id, plan.block_count).await?;
    }
    tracing::info!(
        run_id = %run_id,
        plan.blocks = plan.block_count,
        plan.nothing_to_do = plan.nothing_to_do,
        plan.not_ended = plan.not_ended,
        plan.dry_run = plan.dry_run,
        "planned"
    );
    Ok(plan)
}

fn max_concurrency(request: &PlanRequest) -> Result<u32, PipelineError> {
    match request.max_concurrency {
        Some(0) => Err(PipelineError::new(
            ErrorName::InvalidInput,
            "max_concurrency is 0: no block could ever be worked on; give 1 or more",
        )),
        Some(n) => Ok(n),
        None => Ok(DEFAULT_CONCURRENCY),
    }
}

async fn prepare(
    ctx: &Context,
    request: &PlanRequest,
    run_id: Uuid,
    ranges: &Ranges,
) -> Result<(), PipelineError> {
    let mut providers = Vec::with_capacity(ranges.len());
    for name in ranges.keys() {
        providers.push((name.clone(), ctx.provider_config(name)?.provider_id));
    }
    ctx.store().upsert_providers(&providers).await?;
    let mut entering = Vec::with_capacity(ranges.len());
    for (name, resolved) in ranges {
        if let Some(range) = resolved.range {
            let entered = ctx.store().ensure_blocks(name, range, ctx.zone());
            entering.push(entered.boxed());
        }
    }
    stream::iter(entering)
        .buffer_unordered(PROVIDERS_AT_ONCE)
        .try_for_each(async |_| Ok(()))
        .await?;
    let request = serde_json::to_value(request)
        .map_err(|e| PipelineError::new(ErrorName::InvalidInput, e.to_string()))?;
    ctx.store()
        .create_run(&RunRecord {
            run_id,
            stage: ctx.config().env.stage,
            request,
        })
        .await?;
    Ok(())
}

fn item(run_id: Uuid, schedule_id: i64, force: bool, block: &PlannedBlock) -> BlockItem {
    let hour = Hour::containing(block.block_start);
    BlockItem {
        run_id,
        schedule_id,
        provider: block.provider.clone(),
        block_start: hour.start(),
        block_end: hour.end(),
        label: block.label.clone(),
        steps: block.steps.clone(),
        force,
        extract: None,
        sync_db: None,
        sync_socrata: None,
    }
}
