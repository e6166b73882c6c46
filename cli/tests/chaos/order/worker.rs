//! Tells a story: each worker has its own context, as each function and each command has.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use pipeline::{
    AuditDepth, BlockItem, BlockOutcome, Context, ErrorName, PipelineError, Plan, PlanRequest,
    RunObserver, RunOptions,
};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::check::Seen;
use super::feed::{Feeds, trip_id};
use super::story::{Act, Change, HOURS, PROVIDERS, Request, Story, What};
use crate::support::{World, options, world_of};

const WORKERS: usize = 3;
const CONNECTIONS: usize = 8;

/// What happened.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) runs: u64,
    pub(super) cut_off: u64,
    pub(super) audits: u64,
    pub(super) deliveries: u64,
    pub(super) trips: u64,
}

/// A database, a bucket and a portal of its own, providers, and workers.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) feeds: Feeds,
    workers: Vec<Arc<Context>>,
    counts: Mutex<Counts>,
}

impl Stage {
    pub(super) async fn set() -> Self {
        let mut options = options(&PROVIDERS);
        for (key, value) in [("max_loss", json!(1.0)), ("timeout", json!(20))] {
            options.provider_settings.insert(key.to_owned(), value);
        }
        options
            .settings
            .insert("SOCRATA_CHUNK_ROWS".to_owned(), json!(4));
        let (world, feeds) = (world_of(options).await, Feeds::start().await);
        world
            .edit_providers(|providers| {
                for (n, name) in PROVIDERS.iter().enumerate() {
                    providers[*name]["mds_api_url"] = feeds.url(n).into();
                }
            })
            .await;
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            let environment = world.stack.environment().unwrap();
            let worker = Context::connect(environment, CONNECTIONS).await.unwrap();
            workers.push(Arc::new(worker));
        }
        Self {
            world,
            feeds,
            workers,
            counts: Mutex::default(),
        }
    }

    pub(super) async fn tell(self, story: &Story) -> Result<Counts, String> {
        let mut seen = Seen::default();
        let mut has_lost_rows = false;
        for (n, round) in story.rounds.iter().enumerate() {
            self.feeds.recover();
            for change in &round.changes {
                self.feeds.change(*change);
                if let Change::LoseRow(number) = change {
                    has_lost_rows |= self.lose_row(*number, &seen);
                }
            }
            let acts = join_all(round.acts.iter().map(|act| self.act(act))).await;
            acts.into_iter().collect::<Result<(), String>>()?;
            seen.look(&self)
                .await
                .map_err(|why| format!("after round {n}: {why}"))?;
        }
        self.feeds.recover();
        self.sweep(has_lost_rows).await?;
        seen.look(&self)
            .await
            .map_err(|why| format!("at the end: {why}"))?;
        seen.check_end(&self).await?;
        let mut counts = *self.counts.lock().unwrap();
        (counts.deliveries, counts.trips) = seen.counts();
        Ok(counts)
    }

    /// Whether the portal had the row.
    fn lose_row(&self, number: usize, seen: &Seen) -> bool {
        let Some(id) = seen.id(trip_id(0, number)) else {
            return false;
        };
        let portal = &self.world.stack.portal;
        portal.lose_row(&id.to_string()).unwrap()
    }

    /// What every night does, and an audit if somebody has changed the portal.
    async fn sweep(&self, has_lost_rows: bool) -> Result<(), String> {
        let everything = Request {
            to: HOURS,
            incomplete_only: true,
            concurrency: 4,
            ..Request::default()
        };
        self.run(&self.workers[0], &everything).await?;
        // What a load that rejects every trip has overtaken is carried by the next upload.
        let overtaken = "SELECT count(*) FROM api.publications p JOIN api.schedule s USING (schedule_id)
                         WHERE p.since IS NOT NULL AND p.requested_at IS NOT NULL AND s.status_id = -6";
        if self.world.number(overtaken).await > 0 {
            self.run(&self.workers[0], &everything).await?;
        }
        if has_lost_rows {
            self.audit(&self.workers[0]).await?;
        }
        let request = plan_request(&Request {
            to: HOURS,
            ..Request::default()
        });
        let audit = pipeline::audit(&self.workers[0], &request, AuditDepth::Rows, |_| {});
        let audit = audit.boxed().await;
        let report = audit.map_err(|e| format!("the audit: {e}"))?.report;
        if report.has_differences() {
            let report = serde_json::to_string(&report).unwrap();
            return Err(format!("at the end the audit finds {report}"));
        }
        Ok(())
    }

    async fn act(&self, act: &Act) -> Result<(), String> {
        sleep(Duration::from_millis(act.after_ms)).await;
        let worker = &self.workers[act.worker % WORKERS];
        match &act.what {
            What::Run(request) => self.run(worker, request).await,
            What::Steps {
                request,
                cut_after_ms,
            } => self.steps(worker, request, *cut_after_ms).await,
            What::Audit => self.audit(worker).await,
        }
    }

    async fn run(&self, worker: &Arc<Context>, request: &Request) -> Result<(), String> {
        self.counts.lock().unwrap().runs += 1;
        let plan = plan(worker, request).await?;
        self.run_plan(worker, &plan, request.concurrency).await
    }

    /// Does the steps of the blocks as the functions do: each with the item of the one before.
    async fn steps(
        &self,
        worker: &Arc<Context>,
        request: &Request,
        cut_after_ms: Option<u64>,
    ) -> Result<(), String> {
        self.counts.lock().unwrap().runs += 1;
        let plan = plan(worker, request).await?;
        let Some(manifest) = &plan.manifest else {
            return Ok(());
        };
        let mut items = pipeline::read_manifest(worker, manifest)
            .await
            .map_err(|e| format!("the manifest: {e}"))?;
        while let Some(item) = items.recv().await {
            let item = item.map_err(|e| format!("an item: {e}"))?;
            let block = self.block_steps(worker, item);
            let Some(cut) = cut_after_ms.map(Duration::from_millis) else {
                block.await?;
                continue;
            };
            match timeout(cut, block).await {
                Ok(ended) => ended?,
                Err(_) => self.counts.lock().unwrap().cut_off += 1,
            }
        }
        Ok(())
    }

    async fn block_steps(&self, worker: &Context, mut item: BlockItem) -> Result<(), String> {
        for step in item.steps.clone() {
            let worker = worker.until(Instant::now() + Duration::from_secs(60));
            let block = format!("{} of {} {}", step.as_str(), item.provider, item.label);
            match pipeline::run_step(&worker, step, item).boxed().await {
                Ok(done) => item = done,
                Err(error) if is_expected(error.name) => return Ok(()),
                Err(error) if self.has_cut_off() && may_follow_a_cut(&error) => return Ok(()),
                Err(error) => return Err(format!("{block}: {}: {error}", error.name)),
            }
            if item.extract.as_ref().is_some_and(|it| it.nothing_to_load) {
                break;
            }
        }
        Ok(())
    }

    /// Whether a step of the story was cut off.
    fn has_cut_off(&self) -> bool {
        self.counts.lock().unwrap().cut_off > 0
    }

    async fn run_plan(
        &self,
        worker: &Arc<Context>,
        plan: &Plan,
        concurrency: usize,
    ) -> Result<(), String> {
        let ends = Arc::new(Ends::default());
        let options = RunOptions {
            concurrency: concurrency.max(1),
            cancel: CancellationToken::new(),
        };
        let observer = Arc::clone(&ends);
        let run = pipeline::run_local(Arc::clone(worker), plan, options, observer);
        run.boxed().await.map_err(|e| format!("the run: {e}"))?;
        let mut unexpected = ends.unexpected.lock().unwrap().clone();
        if !self.has_cut_off() {
            unexpected.append(&mut ends.after_a_cut.lock().unwrap());
        }
        if unexpected.is_empty() {
            return Ok(());
        }
        Err(format!("a run ended with {unexpected:?}"))
    }

    async fn audit(&self, worker: &Arc<Context>) -> Result<(), String> {
        self.counts.lock().unwrap().audits += 1;
        let request = plan_request(&Request {
            to: HOURS,
            ..Request::default()
        });
        let audit = pipeline::audit(worker, &request, AuditDepth::Rows, |_| {})
            .boxed()
            .await
            .map_err(|e| format!("the audit: {e}"))?;
        if !audit.report.has_differences() {
            return Ok(());
        }
        let plan = pipeline::plan_repair(worker, &request, &audit)
            .boxed()
            .await
            .map_err(|e| format!("the plan of a repair: {e}"))?;
        self.run_plan(worker, &plan, 2).await
    }
}

async fn plan(worker: &Context, request: &Request) -> Result<Plan, String> {
    let request = plan_request(request);
    pipeline::plan_patiently(worker, &request, |_| {})
        .boxed()
        .await
        .map_err(|e| format!("the plan: {e}"))
}

/// What the providers of a story cause, and workers that meet.
fn is_expected(name: ErrorName) -> bool {
    matches!(
        name,
        ErrorName::ProviderUnavailable
            | ErrorName::ProviderMalformed
            | ErrorName::ArchiveMissing
            | ErrorName::BlockBusy
    )
}

/// Whether a load that was cut off between `publish.json` and its commit can cause this. Whoever
/// publishes the block then sets it back, and the next run loads it again.
fn may_follow_a_cut(error: &PipelineError) -> bool {
    let text = "publish.json is not what the last load of its block has written";
    error.name == ErrorName::ArchiveUnreadable && error.message.contains(text)
}

/// The failures that no story causes, apart from those that may follow a cut.
#[derive(Default)]
struct Ends {
    unexpected: Mutex<Vec<String>>,
    after_a_cut: Mutex<Vec<String>>,
}

impl RunObserver for Ends {
    fn block_ended(&self, outcome: &BlockOutcome) {
        if let BlockOutcome::Failed(item, error) = outcome
            && !is_expected(error.name)
        {
            let (provider, label) = (&item.provider, &item.label);
            let failure = format!("{provider} {label}: {}: {error}", error.name);
            let failures = match may_follow_a_cut(error) {
                true => &self.after_a_cut,
                false => &self.unexpected,
            };
            failures.lock().unwrap().push(failure);
        }
    }
}

fn plan_request(request: &Request) -> PlanRequest {
    let civil = |hour: usize| Some(format!("2020-01-15-{}", 16 + hour));
    PlanRequest {
        provider: Some(
            request
                .provider
                .map_or("all", |it| PROVIDERS[it])
                .to_owned(),
        ),
        time_min: civil(request.from),
        time_max: civil(request.to),
        force: request.force,
        incomplete_only: request.incomplete_only,
        no_extract: request.no_extract,
        no_sync_db: request.no_sync_db,
        no_sync_socrata: request.no_sync_socrata,
        ..PlanRequest::default()
    }
}
