//! `plan`: from a request to the blocks and steps of a run (SPEC.md, "Time" and "Events and errors").

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use store::RunRecord;
use trips::block::{Block, Hour, HourRange, ProviderName, ResolvedRange, TimeWindow, manifest_key};
use trips::status::{BlockStatus, Step, steps_to_do};
use uuid::Uuid;
use vault::Seal;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, ManifestLocation, PlanRequest};
use crate::object_stream::JsonArrayStream;

/// Hours of each provider that are looked at together, so that a plan of years needs the memory of four weeks.
const HOURS_AT_ONCE: TimeDelta = TimeDelta::weeks(4);
const FIRST_BLOCKS: usize = 10;
const DEFAULT_CONCURRENCY: u32 = 10;
/// Hours that a scheduled run stays behind the clock if neither the event nor the provider says otherwise.
const DEFAULT_LAG_HOURS: u32 = 30;

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

/// Chooses the blocks and steps of a run, writes them to its manifest, and shows each to `on_block` as it goes.
///
/// A dry run leaves no trace: no schedule row, no run, no manifest.
///
/// # Errors
/// `InvalidInput` for a request that makes no sense, `ConfigInvalid` for a setting that its steps miss,
/// `DatabaseUnavailable`, `StorageUnavailable`.
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
        Some(JsonArrayStream::create(ctx.vault(), &key, Seal::Plain).await?)
    };

    for part in parts(&ranges) {
        for row in rows(ctx, &part).await? {
            let steps = steps_to_do(
                row.status,
                request.steps(),
                request.force,
                request.incomplete_only,
            );
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

/// The one block that a request is about.
///
/// # Errors
/// `InvalidInput` if it is about none or several.
pub fn single_block(ctx: &Context, request: &PlanRequest) -> Result<Block, PipelineError> {
    let ranges = ranges(ctx, request, ctx.now())?;
    let hours: u64 = ranges
        .values()
        .filter_map(|r| r.range)
        .map(|range| range.len())
        .sum();
    let first = ranges
        .iter()
        .find_map(|(name, resolved)| Some((name.clone(), resolved.range?.first())));
    match first {
        Some((provider, hour)) if hours == 1 => Ok(Block { provider, hour }),
        _ => Err(PipelineError::new(
            ErrorName::InvalidInput,
            format!(
                "a file holds one hour of one provider, and the request is for {hours} ended blocks"
            ),
        )),
    }
}

type Ranges = BTreeMap<ProviderName, ResolvedRange>;

fn ranges(
    ctx: &Context,
    request: &PlanRequest,
    now: DateTime<Utc>,
) -> Result<Ranges, PipelineError> {
    let parse = |text: &Option<String>| {
        text.as_deref()
            .map(|text| ctx.zone().parse_time(text))
            .transpose()
    };
    let (time_min, time_max) = (parse(&request.time_min)?, parse(&request.time_max)?);
    if request.scheduled_time.is_some() && (time_min.is_some() || time_max.is_some()) {
        return Err(PipelineError::new(
            ErrorName::InvalidInput,
            "scheduled_time stands in place of time_min and time_max: give one or the other",
        ));
    }
    let mut ranges = Ranges::new();
    for name in chosen_providers(ctx, request)? {
        let time_max = match request.scheduled_time {
            Some(scheduled) => Some(scheduled_end(ctx, request, &name, scheduled)?),
            None => time_max,
        };
        let window = TimeWindow {
            time_min,
            time_max,
            interval: request.interval,
        };
        ranges.insert(name, window.resolve(now)?);
    }
    Ok(ranges)
}

fn scheduled_end(
    ctx: &Context,
    request: &PlanRequest,
    name: &ProviderName,
    scheduled: DateTime<Utc>,
) -> Result<Hour, PipelineError> {
    let lag = ctx
        .provider_config(name)?
        .lag_hours
        .or(request.lag_hours)
        .unwrap_or(DEFAULT_LAG_HOURS);
    Ok(Hour::containing(
        scheduled - TimeDelta::hours(i64::from(lag)),
    ))
}

fn chosen_providers(
    ctx: &Context,
    request: &PlanRequest,
) -> Result<Vec<ProviderName>, PipelineError> {
    let asked: Vec<&str> = request
        .provider
        .iter()
        .chain(&request.providers)
        .map(String::as_str)
        .collect();
    if asked.is_empty() {
        return Err(PipelineError::new(
            ErrorName::InvalidInput,
            "no provider: name one, or `all`",
        ));
    }
    if asked.contains(&"all") {
        let enabled = ctx
            .config()
            .providers
            .iter()
            .filter(|(_, config)| config.enabled);
        return Ok(enabled.map(|(name, _)| name.clone()).collect());
    }
    asked
        .into_iter()
        .map(|text| {
            let name = text
                .parse::<ProviderName>()
                .map_err(|e| PipelineError::new(ErrorName::InvalidInput, e.to_string()))?;
            ctx.provider_config(&name)?;
            Ok(name)
        })
        .collect()
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
    for (name, resolved) in ranges {
        if let Some(range) = resolved.range {
            ctx.store().ensure_blocks(name, range, ctx.zone()).await?;
        }
    }
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

/// A stretch of time with the providers that take part in it.
type Part = Vec<(ProviderName, HourRange)>;

/// Cuts the ranges into stretches short enough to hold in memory, in order of time.
fn parts(ranges: &Ranges) -> impl Iterator<Item = Part> + use<> {
    let mut open: Part = ranges
        .iter()
        .filter_map(|(name, resolved)| Some((name.clone(), resolved.range?)))
        .collect();
    std::iter::from_fn(move || {
        let first = open.iter().map(|(_, range)| range.first()).min()?;
        let end = Hour::containing(first.start() + HOURS_AT_ONCE);
        let mut part = Part::new();
        let mut rest = Part::new();
        for (name, range) in open.drain(..) {
            let (until, from) = (range.end().min(end), range.first().max(end));
            part.extend(HourRange::new(range.first(), until).map(|range| (name.clone(), range)));
            rest.extend(HourRange::new(from, range.end()).map(|range| (name, range)));
        }
        open = rest;
        Some(part)
    })
}

struct Row {
    block: Block,
    schedule_id: Option<i64>,
    status: BlockStatus,
}

/// The part's blocks, hour by hour with the providers interleaved, so that no provider waits for another's months
/// and none is asked by all the workers at once.
async fn rows(ctx: &Context, part: &Part) -> Result<Vec<Row>, PipelineError> {
    let mut rows = Vec::new();
    for (name, range) in part {
        let known: BTreeMap<Hour, _> = ctx
            .store()
            .blocks(name, *range)
            .await?
            .into_iter()
            .map(|row| (row.hour, row))
            .collect();
        rows.extend(range.iter().map(|hour| {
            let row = known.get(&hour);
            Row {
                block: Block {
                    provider: name.clone(),
                    hour,
                },
                schedule_id: row.map(|row| row.schedule_id),
                status: row.map_or(BlockStatus::New, |row| row.status),
            }
        }));
    }
    rows.sort_by(|a, b| (a.block.hour, &a.block.provider).cmp(&(b.block.hour, &b.block.provider)));
    Ok(rows)
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
