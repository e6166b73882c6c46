//! `plan`: turns a request into the blocks and steps of a run (docs/CONTRACT.md, "Time" and "Events
//! and errors").

use chrono::{DateTime, Utc};
use config::ConfigVersion;
use serde::Serialize;
use tracing::Instrument;
use trips::block::ProviderName;
use trips::status::{BlockStatus, Step};
use uuid::Uuid;

use self::blocks::{PlanRow, Returning, parts};
use self::planner::Planner;
use self::ranges::ranges;
use self::reading::{Reading, Schedule};
use crate::context::Context;
use crate::error::PipelineError;
use crate::event::{ManifestLocation, PlanRequest};
use crate::patience::Patience;
use crate::span::run_span;
use crate::status::UnusableEntry;

mod audit;
mod behind;
mod blocks;
mod forget;
mod nothing;
mod planner;
mod prepare;
mod provider;
mod publishing;
mod ranges;
mod reading;
mod start;
mod upkeep;

pub use self::audit::{AuditSummary, plan_repair};
pub(crate) use self::behind::behind_since;
pub use self::behind::{HoursBehind, hours_behind};
pub(crate) use self::blocks::is_refetch_due;
pub use self::forget::{Forgotten, forget};
pub use self::nothing::{Nothing, NothingReason};
pub(crate) use self::prepare::write_facts;
pub use self::provider::PlannedProvider;
pub(crate) use self::ranges::{audited_range, named_providers};
pub use self::ranges::{hours_in_range, single_block};
pub(crate) use self::start::active_from;
pub use self::start::provider_starts;

/// A plan's answer shows this many blocks; the manifest has all of them.
const SHOWN_BLOCKS: usize = 10;
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
    /// The configuration of the run; `None` for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigVersion>,
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
    /// Number of blocks that the plan leaves out because they have no archive, and `extract` is not
    /// chosen.
    pub not_archived: u64,
    /// Number of blocks that the plan leaves out because they are not loaded, and `sync-db` is not
    /// chosen.
    pub not_loaded: u64,
    /// Number of blocks of the plan that would fail with `ArchiveMissing`. Only the dry run of a
    /// forced load without `extract` looks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_archive: Option<u64>,
    /// The counts by provider, in the order of their names.
    pub providers: Vec<PlannedProvider>,
    /// The entries of the providers file that cannot be used, if the request is for all providers:
    /// their hours are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unusable_entries: Vec<UnusableEntry>,
    /// Why there are no blocks; `None` if there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nothing: Option<Nothing>,
    /// The first ten blocks.
    pub blocks: Vec<PlannedBlock>,
    /// Whether a block of the plan is to be loaded.
    #[serde(skip)]
    pub loads: bool,
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
            plan.not_archived = self.not_archived,
            plan.not_loaded = self.not_loaded,
            plan.not_ended = self.not_ended,
            plan.before_start = self.before_start,
            plan.dry_run = self.dry_run,
            "plan ready"
        );
    }
}

/// One block of a plan, for people to read; the manifest holds [`BlockItem`](crate::BlockItem)s.
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
    /// Whether the bucket lacks the archive that the first step reads, as far as the plan has
    /// looked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lacks_archive: bool,
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
    request.check_steps()?;
    if request.audit {
        ctx.store().check_migrated().await?;
        if publishing::is_audit_of_nothing(ctx, request) {
            return publishing::plan_nothing(ctx, request, run_id).await;
        }
        return audit::plan_audit(ctx, request, run_id, on_block).await;
    }
    let request = &*publishing::of_this_city(ctx, request);
    let now = Utc::now();
    let mut ranges = ranges(ctx, request, now)?;
    // A mistake is reported at once, also while the database is away.
    ctx.check_settings(request.steps())?;
    ctx.store().check_migrated().await?;
    start::leave_out_early_hours(ctx, request, &mut ranges).await?;
    let mut planner = Planner::start(ctx, request, run_id, &ranges).await?;
    let returning = Returning::find(ctx.store(), request, now).await?;
    let schedule = if request.dry_run {
        Schedule::AsItIs
    } else {
        Schedule::Extended
    };
    let mut reading = Reading::start(ctx, parts(&ranges), schedule);
    while let Some(part) = reading.next().await? {
        let publishable = part.publishable(ctx.store(), request).await?;
        let rows = part.rows(&returning, &publishable, now);
        for row in rows {
            let row = planner.with_archive(row).await?;
            if let Some(block) = planner.add(row).await? {
                on_block(&block);
            }
        }
    }
    let plan = planner.finish().await?;
    plan.log();
    if request.incomplete_only && !request.dry_run {
        upkeep::prune(ctx).await;
    }
    Ok(plan)
}
