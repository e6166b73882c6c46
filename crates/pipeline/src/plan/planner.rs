//! A plan in the making: its counts, its manifest and the run's row.

use config::ConfigVersion;
use trips::block::{Hour, ProviderName};
use trips::status::{BlockStatus, Step, refetch_steps, steps_to_do};
use uuid::Uuid;

use super::blocks::PlanRow;
use super::nothing::{LeftOut, Nothing, left_out};
use super::prepare::{create_run, finish_run, write_facts};
use super::ranges::{ProviderRange, is_for_all};
use super::{MAX_CONCURRENCY, Plan, PlannedBlock, PlannedProvider, SHOWN_BLOCKS};
use crate::archived::Archives;
use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{ManifestLocation, PlanRequest};
use crate::manifest::ManifestWriter;
use crate::status::unusable_entries;

const DEFAULT_CONCURRENCY: u32 = 10;

/// A plan in the making.
pub(super) struct Planner<'a> {
    ctx: &'a Context,
    request: &'a PlanRequest,
    pub(super) plan: Plan,
    /// `None` for a dry run.
    output: Option<Output>,
    /// The archives of blocks that are new; `None` if the plan does not depend on them.
    archives: Option<Archives<'a>>,
    /// The label of the last hour: blocks come hour by hour, and making a label takes longer than
    /// most of what is done for a block.
    label: Option<(Hour, String)>,
}

/// Where the items of a plan go, and the configuration that they name.
struct Output {
    manifest: ManifestWriter,
    config: ConfigVersion,
}

impl<'a> Planner<'a> {
    /// Adds the run and its providers to the database, and opens the manifest; does none of it for
    /// a dry run.
    pub(super) async fn start(
        ctx: &'a Context,
        request: &'a PlanRequest,
        run_id: Uuid,
        ranges: &[ProviderRange<'_>],
    ) -> Result<Self, PipelineError> {
        let plan = Plan {
            run_id,
            block_count: 0,
            manifest: None,
            config: None,
            max_concurrency: max_concurrency(request)?,
            max_concurrency_requested: None,
            dry_run: request.dry_run,
            not_ended: ranges.iter().map(|it| it.hours.not_ended).sum(),
            before_start: ranges.iter().map(|it| it.before_start).sum(),
            nothing_to_do: 0,
            not_archived: 0,
            not_loaded: 0,
            without_archive: checks_forced_load(request).then_some(0),
            providers: ranges.iter().map(PlannedProvider::of).collect(),
            unusable_entries: if is_for_all(request) {
                unusable_entries(ctx)
            } else {
                Vec::new()
            },
            nothing: None,
            blocks: Vec::new(),
            loads: false,
            audit: None,
        };
        let output = if request.dry_run {
            None
        } else {
            let config = ctx.version(request.steps().sync_db).await?;
            create_run(ctx, request, run_id, &config).await?;
            write_facts(ctx, ranges.iter().map(|it| it.provider)).await?;
            let manifest = ManifestWriter::create(ctx, run_id, request, config.clone())?;
            Some(Output { manifest, config })
        };
        Ok(Self {
            ctx,
            request,
            plan,
            output,
            archives: looks_for_archives(request).then(|| Archives::new(ctx)),
            label: None,
        })
    }

    /// A block whose archive is in the bucket counts as archived, if it is new or its archive was
    /// missed before. Usually `extract` finds that out, so this looks only if the plan begins with
    /// the load.
    pub(super) async fn with_archive(
        &mut self,
        mut row: PlanRow,
    ) -> Result<PlanRow, PipelineError> {
        if !row.status.has_done(Step::Extract)
            && !self.request.force
            && let Some(archives) = &mut self.archives
            && archives.has(&row.block).await?
        {
            row.status = BlockStatus::Archived;
        }
        Ok(row)
    }

    /// Adds a block to the plan; returns `None` if it has no steps to do.
    pub(super) async fn add(
        &mut self,
        row: PlanRow,
    ) -> Result<Option<PlannedBlock>, PipelineError> {
        let steps = self.steps(&row);
        if steps.is_empty() {
            self.leave_out(&row);
            return Ok(None);
        }
        let lacks_archive = self.lacks_archive(&row, &steps).await?;
        self.provider(&row.block.provider).add(row.status);
        let block = PlannedBlock {
            label: self.label(row.block.hour),
            block_start: row.block.hour.start(),
            provider: row.block.provider,
            status: row.status,
            steps,
            lacks_archive,
        };
        self.plan.block_count += 1;
        self.plan.loads |= block.steps.contains(&Step::SyncDb);
        if let (Some(output), Some(schedule_id)) = (&mut self.output, row.schedule_id) {
            output.manifest.push(schedule_id, &block).await?;
        }
        if self.plan.blocks.len() < SHOWN_BLOCKS {
            self.plan.blocks.push(block.clone());
        }
        Ok(Some(block))
    }

    /// Whether a forced load would find no archive, and counts it. Only a dry run looks: the load
    /// itself finds it out.
    async fn lacks_archive(
        &mut self,
        row: &PlanRow,
        steps: &[Step],
    ) -> Result<bool, PipelineError> {
        let (Some(count), Some(archives)) = (&mut self.plan.without_archive, &mut self.archives)
        else {
            return Ok(false);
        };
        let lacks_it = steps.first() == Some(&Step::SyncDb) && !archives.has(&row.block).await?;
        *count += u64::from(lacks_it);
        Ok(lacks_it)
    }

    fn label(&mut self, hour: Hour) -> String {
        match &self.label {
            Some((last, label)) if *last == hour => label.clone(),
            _ => {
                let label = hour.label(self.ctx.zone());
                self.label = Some((hour, label.clone()));
                label
            }
        }
    }

    /// Counts a block without steps by the reason.
    fn leave_out(&mut self, row: &PlanRow) {
        let left_out = left_out(row.status, self.request);
        *match left_out {
            LeftOut::Done => &mut self.plan.nothing_to_do,
            LeftOut::NotArchived => &mut self.plan.not_archived,
            LeftOut::NotLoaded => &mut self.plan.not_loaded,
        } += 1;
        self.provider(&row.block.provider)
            .leave_out(row.status, left_out);
    }

    /// The counts of a provider. The plan of an audit finds its providers block by block.
    fn provider(&mut self, name: &ProviderName) -> &mut PlannedProvider {
        let providers = &mut self.plan.providers;
        let n = match providers.binary_search_by(|it| it.provider.cmp(name)) {
            Ok(n) => n,
            Err(n) => {
                providers.insert(n, PlannedProvider::new(name.clone()));
                n
            }
        };
        &mut providers[n]
    }

    fn steps(&self, row: &PlanRow) -> Vec<Step> {
        let request = self.request;
        if row.is_publishable {
            return vec![Step::SyncSocrata];
        }
        let is_left_alone = request.incomplete_only && row.status == BlockStatus::Published;
        let is_requested = row.is_refetch_due && !is_left_alone || row.lacks_side_data;
        if is_requested && !request.force && !request.no_extract {
            return refetch_steps(request.steps());
        }
        let steps = steps_to_do(
            row.status,
            request.steps(),
            request.force,
            request.incomplete_only,
        );
        // Another load that rejects every trip would end the block's run before its upload.
        let goes_first = steps.is_empty() || row.status == BlockStatus::AllRejected;
        if row.is_waiting && goes_first && !request.force && request.steps().sync_socrata {
            return vec![Step::SyncSocrata];
        }
        steps
    }

    /// Completes the manifest and the run's row.
    pub(super) async fn finish(self) -> Result<Plan, PipelineError> {
        let Self {
            ctx,
            request,
            mut plan,
            output,
            ..
        } = self;
        plan.nothing = Nothing::of(&plan, request.steps(), ctx);
        if let Some(Output {
            manifest, config, ..
        }) = output
        {
            plan.manifest = Some(ManifestLocation {
                bucket: ctx.vault().bucket().to_owned(),
                key: manifest.finish().await?,
            });
            finish_run(ctx, plan.run_id, plan.block_count, &config).await?;
            plan.config = Some(config);
        }
        Ok(plan)
    }
}

/// Whether the plan begins with the load. A forced load is planned in any case, so only the dry run
/// of it looks what it would find.
fn looks_for_archives(request: &PlanRequest) -> bool {
    let steps = request.steps();
    steps.sync_db && !steps.extract && (!request.force || request.dry_run)
}

fn checks_forced_load(request: &PlanRequest) -> bool {
    looks_for_archives(request) && request.force
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
