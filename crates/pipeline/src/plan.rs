//! `plan`: turns a request into the blocks and steps of a run (docs/CONTRACT.md, "Time" and "Events
//! and errors").

use chrono::{DateTime, Utc};
use config::ConfigVersion;
use serde::Serialize;
use tracing::Instrument;
use trips::block::{Hour, ProviderName, manifest_key};
use trips::status::{BlockStatus, Step, refetch_steps, steps_to_do};
use uuid::Uuid;
use vault::Seal;

use self::blocks::{PartRead, PlanRow, parts};
use self::prepare::{add_to_schedule, create_run, finish_run};
use self::ranges::{ProviderRange, ranges};
use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, ManifestLocation, PlanRequest};
use crate::object_stream::JsonArrayStream;
use crate::patience::Patience;
use crate::span::run_span;

mod audit;
mod behind;
mod blocks;
mod prepare;
mod ranges;
mod start;
mod upkeep;

pub use self::audit::{AuditSummary, plan_repair};
pub use self::behind::{HoursBehind, hours_behind};
pub use self::ranges::single_block;
pub(crate) use self::ranges::{DEFAULT_LAG_HOURS, audited_range, named_providers};
pub use self::start::provider_starts;

/// A plan's answer shows this many blocks; the manifest has all of them.
const SHOWN_BLOCKS: usize = 10;
const DEFAULT_CONCURRENCY: u32 = 10;
/// Step Functions runs no more child executions of a Map state at once.
pub const MAX_CONCURRENCY: u32 = 10_000;

/// What `plan-blocks` returns.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Identifies the run in the bucket, the tables and the logs.
    pub run_id: Uuid,
    /// Number of blocks with steps to do.
    pub block_count: u64,
    /// Where the block items are; `None` for a dry run, which writes nothing.
    pub manifest: Option<ManifestLocation>,
    /// How many blocks the run may work on at once.
    pub max_concurrency: u32,
    /// What was requested, or the default, if the deployment's cap has lowered `max_concurrency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrency_requested: Option<u32>,
    /// Whether the request asked for a dry run.
    pub dry_run: bool,
    /// Number of hours that the plan leaves out because they have not ended.
    pub not_ended: u64,
    /// Number of hours that the plan leaves out because they are before their provider's start and
    /// the request does not name the provider.
    pub before_start: u64,
    /// Number of blocks in the range whose steps are done.
    pub nothing_to_do: u64,
    /// Number of blocks that a forced plan, which only publishes, leaves out because they are not
    /// loaded.
    pub not_loaded: u64,
    /// The first ten blocks.
    pub blocks: Vec<PlannedBlock>,
    /// What the audit has found; `None` for a plan without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditSummary>,
}

impl Plan {
    /// Lowers `max_concurrency` to the most that a deployment allows. The plan and the log say so.
    pub fn cap_concurrency(&mut self, cap: u32) {
        if self.max_concurrency <= cap {
            return;
        }
        run_span(self.run_id).in_scope(|| {
            tracing::info!(
                plan.max_concurrency_requested = self.max_concurrency,
                plan.max_concurrency = cap,
                "max_concurrency is lowered to the deployment's cap"
            );
        });
        self.max_concurrency_requested = Some(self.max_concurrency);
        self.max_concurrency = cap;
    }

    fn log(&self) {
        tracing::info!(
            plan.blocks = self.block_count,
            plan.nothing_to_do = self.nothing_to_do,
            plan.not_loaded = self.not_loaded,
            plan.not_ended = self.not_ended,
            plan.before_start = self.before_start,
            plan.dry_run = self.dry_run,
            "plan ready"
        );
    }
}

/// One block of a plan, for people to read; the manifest holds [`BlockItem`]s.
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

/// Chooses the blocks and steps of a run and writes them to the run's manifest. Calls `on_block`
/// with each block.
///
/// A dry run writes nothing: no schedule row, no run, no manifest.
///
/// # Errors
///
/// `InvalidInput` for a request that makes no sense, `ConfigInvalid` if a setting is missing that
/// the steps need, `DatabaseUnavailable`, `StorageUnavailable`.
pub async fn plan(
    ctx: &Context,
    request: &PlanRequest,
    on_block: impl FnMut(&PlannedBlock) + Send,
) -> Result<Plan, PipelineError> {
    let run_id = request.run_id()?;
    Box::pin(plan_run(ctx, request, run_id, on_block))
        .instrument(run_span(run_id))
        .await
}

/// As [`plan()`], and repeats it for a while if the database or the bucket is away, or if another
/// session has locked the rows.
///
/// # Errors
///
/// Those of [`plan()`].
pub async fn plan_patiently(
    ctx: &Context,
    request: &PlanRequest,
    mut on_block: impl FnMut(&PlannedBlock) + Send,
) -> Result<Plan, PipelineError> {
    // The same run each time.
    let run_id = request.run_id()?;
    let patience = Patience::default();
    let mut attempts = patience.attempts();
    let mut shown = 0_u64;
    loop {
        let mut seen = 0_u64;
        let show_new = |block: &PlannedBlock| {
            seen += 1;
            if seen > shown {
                shown = seen;
                on_block(block);
            }
        };
        let planned = Box::pin(plan_run(ctx, request, run_id, show_new))
            .instrument(run_span(run_id))
            .await;
        match planned {
            Ok(plan) => return Ok(plan),
            Err(error) => attempts.pause(error).await?,
        }
    }
}

async fn plan_run(
    ctx: &Context,
    request: &PlanRequest,
    run_id: Uuid,
    mut on_block: impl FnMut(&PlannedBlock) + Send,
) -> Result<Plan, PipelineError> {
    if request.audit {
        ctx.store().check_migrated().await?;
        return audit::plan_audit(ctx, request, run_id, on_block).await;
    }
    let now = Utc::now();
    let mut ranges = ranges(ctx, request, now)?;
    // A mistake is reported at once, also while the database is away.
    ctx.check_settings(request.steps())?;
    ctx.store().check_migrated().await?;
    start::leave_out_early_hours(ctx, request, &mut ranges).await?;
    let mut planner = Planner::start(ctx, request, run_id, &ranges).await?;
    let mut parts = parts(&ranges).map(|part| PartRead::start(ctx.store(), part));
    let mut reading = parts.next();
    while let Some(part) = reading.take() {
        let rows = part.rows(now).await?;
        reading = parts.next();
        for row in rows {
            let row = planner.with_refusal(row).await?;
            if let Some(block) = planner.add(row).await? {
                on_block(&block);
            }
        }
    }
    let plan = planner.finish().await?;
    plan.log();
    if request.incomplete_only && !request.dry_run {
        upkeep::prune_runs(ctx).await;
    }
    Ok(plan)
}

/// A plan in the making.
struct Planner<'a> {
    ctx: &'a Context,
    request: &'a PlanRequest,
    plan: Plan,
    /// `None` for a dry run.
    output: Option<Output>,
}

/// Where the items of a plan go, and the configuration that they name.
struct Output {
    manifest: JsonArrayStream,
    config: ConfigVersion,
}

impl<'a> Planner<'a> {
    /// Adds the run, its providers and their missing schedule rows to the database, and opens the
    /// manifest; does none of it for a dry run.
    async fn start(
        ctx: &'a Context,
        request: &'a PlanRequest,
        run_id: Uuid,
        ranges: &[ProviderRange<'_>],
    ) -> Result<Self, PipelineError> {
        let plan = Plan {
            run_id,
            block_count: 0,
            manifest: None,
            max_concurrency: max_concurrency(request)?,
            max_concurrency_requested: None,
            dry_run: request.dry_run,
            not_ended: ranges.iter().map(|it| it.hours.not_ended).sum(),
            before_start: ranges.iter().map(|it| it.before_start).sum(),
            nothing_to_do: 0,
            not_loaded: 0,
            blocks: Vec::new(),
            audit: None,
        };
        let output = if request.dry_run {
            None
        } else {
            let config = ctx.version(request.steps().sync_db).await?;
            add_to_schedule(ctx, ranges).await?;
            create_run(ctx, request, run_id, &config).await?;
            let key = manifest_key(ctx.config().env.stage, run_id);
            let manifest = JsonArrayStream::create(ctx.vault(), &key, Seal::Plain)?;
            Some(Output { manifest, config })
        };
        Ok(Self {
            ctx,
            request,
            plan,
            output,
        })
    }

    /// Looks whether the block's rows wait for an upload that was refused, if that decides whether
    /// it is published by force. Such a block is loaded: only its object was not in order.
    async fn with_refusal(&self, mut row: PlanRow) -> Result<PlanRow, PipelineError> {
        let is_forced_publish = self.request.force && self.request.steps().is_publish_only();
        if let Some(schedule_id) = row.schedule_id
            && is_forced_publish
            && row.status == BlockStatus::LoadFailed
        {
            let entry = self.ctx.store().publication(schedule_id).await?.entry;
            row.is_refused = entry.is_some_and(|it| it.is_pending && it.refusal.is_some());
        }
        Ok(row)
    }

    /// Adds a block to the plan; returns `None` if it has no steps to do.
    async fn add(&mut self, row: PlanRow) -> Result<Option<PlannedBlock>, PipelineError> {
        let steps = self.steps(&row);
        if steps.is_empty() {
            *self.left_out(row.status) += 1;
            return Ok(None);
        }
        let block = PlannedBlock {
            label: row.block.hour.label(self.ctx.zone()),
            block_start: row.block.hour.start(),
            provider: row.block.provider,
            status: row.status,
            steps,
        };
        self.plan.block_count += 1;
        if let (Some(output), Some(schedule_id)) = (&mut self.output, row.schedule_id) {
            let item = BlockItem {
                config: Some(output.config.clone()),
                ..block_item(&self.plan, schedule_id, self.request, &block)
            };
            output.manifest.push(&item).await?;
        }
        if self.plan.blocks.len() < SHOWN_BLOCKS {
            self.plan.blocks.push(block.clone());
        }
        Ok(Some(block))
    }

    /// The count of blocks with this status that the plan leaves out.
    fn left_out(&mut self, status: BlockStatus) -> &mut u64 {
        let is_loaded = status.is_loaded() || status == BlockStatus::NoTrips;
        if self.request.force && self.request.steps().is_publish_only() && !is_loaded {
            &mut self.plan.not_loaded
        } else {
            &mut self.plan.nothing_to_do
        }
    }

    fn steps(&self, row: &PlanRow) -> Vec<Step> {
        let request = self.request;
        if row.is_refused {
            return vec![Step::SyncSocrata];
        }
        let is_left_alone = request.incomplete_only && row.status == BlockStatus::Published;
        if row.is_refetch_due && !request.force && !request.no_extract && !is_left_alone {
            return refetch_steps(request.steps());
        }
        steps_to_do(
            row.status,
            request.steps(),
            request.force,
            request.incomplete_only,
        )
    }

    /// Completes the manifest and the run's row.
    async fn finish(self) -> Result<Plan, PipelineError> {
        let Self {
            ctx,
            mut plan,
            output,
            ..
        } = self;
        if let Some(Output { manifest, config }) = output {
            plan.manifest = Some(ManifestLocation {
                bucket: ctx.vault().bucket().to_owned(),
                key: manifest.finish().await?.key,
            });
            finish_run(ctx, plan.run_id, plan.block_count, &config).await?;
        }
        Ok(plan)
    }
}

fn max_concurrency(request: &PlanRequest) -> Result<u32, PipelineError> {
    match request.max_concurrency {
        Some(0) => Err(PipelineError::new(
            ErrorName::InvalidInput,
            "max_concurrency is 0: no block could ever be worked on; give 1 or more",
        )),
        Some(n) if n > MAX_CONCURRENCY => Err(PipelineError::new(
            ErrorName::InvalidInput,
            format!(
                "max_concurrency is {n}, and the state machine works on {MAX_CONCURRENCY} blocks at once at most; \
                 give 1 to {MAX_CONCURRENCY}"
            ),
        )),
        Some(n) => Ok(n),
        None => Ok(DEFAULT_CONCURRENCY),
    }
}

fn block_item(
    plan: &Plan,
    schedule_id: i64,
    request: &PlanRequest,
    block: &PlannedBlock,
) -> BlockItem {
    let hour = Hour::containing(block.block_start);
    BlockItem {
        run_id: plan.run_id,
        schedule_id,
        provider: block.provider.clone(),
        block_start: hour.start(),
        block_end: hour.end(),
        label: block.label.clone(),
        steps: block.steps.clone(),
        force: request.force,
        accept_losses: request.accept_losses,
        config: None,
        extract: None,
        sync_db: None,
        sync_socrata: None,
    }
}
