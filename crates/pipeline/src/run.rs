//! Carries out a whole plan in one process, with the same steps that the state machine runs in the
//! cloud.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use store::RunSummary;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use trips::status::Step;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::BlockItem;
use crate::manifest::read_manifest;
use crate::patience::{Patience, millis};
use crate::plan::Plan;
use crate::run_step::{run_step, step_within};
use crate::span::{run_span, step_span};
use crate::step::{MAX_STEP_TIME, warn_not_recorded};
use crate::summarize::run_summary;

mod counts;
pub(crate) mod failures;
mod health;
mod types;

use self::counts::Counts;
use self::failures::Failures;
pub use self::health::GaveUp;
use self::health::Health;
pub use self::types::{BlockOutcome, RunEnd, RunObserver, RunOptions};

/// How many loaded blocks may wait for the portal before loading waits too. An item is a kilobyte.
const WAITING_FOR_PORTAL: usize = 4096;

/// How many blocks are in the step `sync-socrata`. One of them uploads the rows of all; the others
/// wait and hold no connection.
const PUBLISHED_AT_ONCE: usize = 1024;

/// Works through a plan. It pulls and loads several blocks at once and publishes them one upload at
/// a time, so a slow portal does not delay the other steps. A block that fails does not stop
/// another, unless a few in a row fail for what every block needs: then the remaining ones stay as
/// they are. Returns the counts, whether blocks failed or not ([`RunSummary::is_success`]).
///
/// A step that fails because another run holds the block, or because the database or the bucket is
/// away, is repeated for a while, and so are the reading of the plan and the summary.
///
/// # Errors
///
/// The plan cannot be read, or the run cannot be summarized.
pub async fn run_local(
    ctx: Arc<Context>,
    plan: &Plan,
    options: RunOptions,
    observer: Arc<dyn RunObserver>,
) -> Result<RunEnd, PipelineError> {
    let run = Arc::new(Run {
        ctx,
        health: Health::new(&options.cancel),
        counts: Counts::default(),
        observer,
        patience: Patience::default(),
        failures: Failures::default(),
    });
    if let Some(manifest) = &plan.manifest {
        check_boundaries(&run.ctx, plan).await?;
        let items = run.patience.repeat(|| read_manifest(&run.ctx, manifest));
        let items = items.await?;
        let (loaded, publishing) = mpsc::channel(WAITING_FOR_PORTAL);
        let publisher = tokio::spawn(publish_all(Arc::clone(&run), publishing));
        let read = load_all(&run, items, loaded, options.concurrency).await;
        publisher
            .await
            .map_err(|_| PipelineError::panicked("publishing"))?;
        run.record_missing_outcomes(plan).await;
        read?;
    }
    let summary = run
        .patience
        .repeat(|| run_summary(&run.ctx, plan.run_id))
        .await;
    run.end(summary)
}

/// Reads the boundaries once, before the first of the blocks that would all fail for them.
async fn check_boundaries(ctx: &Context, plan: &Plan) -> Result<(), PipelineError> {
    if plan.loads {
        match ctx.boundaries().await {
            Err(error) if error.name == ErrorName::ConfigInvalid => return Err(error),
            // A step waits for a bucket that is away.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

/// What the blocks of a run share.
struct Run {
    ctx: Arc<Context>,
    observer: Arc<dyn RunObserver>,
    health: Health,
    counts: Counts,
    patience: Patience,
    failures: Failures,
}

async fn load_all(
    run: &Arc<Run>,
    mut items: mpsc::Receiver<Result<BlockItem, PipelineError>>,
    loaded: mpsc::Sender<BlockItem>,
    concurrency: usize,
) -> Result<(), PipelineError> {
    let mut unreadable = None;
    let items = stream::poll_fn(|cx| items.poll_recv(cx));
    let mut blocks = items
        .map(|item| {
            let run = Arc::clone(run);
            async move { Ok(Box::pin(run.load_block(item?)).await) }
        })
        .buffer_unordered(concurrency.max(1));
    while let Some(block) = blocks.next().await {
        match block {
            Err(error) => unreadable = Some(error),
            Ok(Loaded::ToPublish(item)) => {
                // The publisher ends only after this sender is gone.
                let _ = loaded.send(item).await;
            }
            Ok(Loaded::Ended(outcome)) => run.block_ended(&outcome),
        }
    }
    unreadable.map_or(Ok(()), Err)
}

enum Loaded {
    ToPublish(BlockItem),
    Ended(BlockOutcome),
}

async fn publish_all(run: Arc<Run>, mut items: mpsc::Receiver<BlockItem>) {
    let mut outcomes = stream::poll_fn(|cx| items.poll_recv(cx))
        .map(|item| Box::pin(run.publish_block(item)))
        .buffer_unordered(PUBLISHED_AT_ONCE);
    while let Some(outcome) = outcomes.next().await {
        run.block_ended(&outcome);
    }
}

impl Run {
    async fn load_block(&self, mut item: BlockItem) -> Loaded {
        for step in item.steps.clone() {
            if self.health.all().is_cancelled() {
                return Loaded::Ended(BlockOutcome::Cancelled(item));
            }
            if step == Step::SyncSocrata {
                return Loaded::ToPublish(item);
            }
            item = match self.do_step(step, &item).await {
                Ok(item) => item,
                Err(error) => return Loaded::Ended(self.failed(step, item, error)),
            };
            if item.extract.as_ref().is_some_and(|it| it.nothing_to_load) {
                break;
            }
        }
        Loaded::Ended(BlockOutcome::Done(item))
    }

    async fn publish_block(&self, item: BlockItem) -> BlockOutcome {
        let gave_up = self.health.portal();
        if gave_up.is_cancelled() || self.health.all().is_cancelled() {
            return BlockOutcome::Cancelled(item);
        }
        // A run that is asked to stop lets the step end; one that has given up does not.
        let published = tokio::select! {
            published = self.do_step(Step::SyncSocrata, &item) => published,
            () = gave_up.cancelled() => return BlockOutcome::Cancelled(item),
        };
        match published {
            Ok(item) => BlockOutcome::Done(item),
            Err(error) => self.failed(Step::SyncSocrata, item, error),
        }
    }

    /// Runs a step, and repeats it after the errors that pass soon, until its deadline or until the
    /// run is cancelled.
    async fn do_step(&self, step: Step, item: &BlockItem) -> Result<BlockItem, PipelineError> {
        let deadline = Instant::now() + step_time(&self.ctx, step, item);
        let ctx = self.ctx.until(deadline);
        let mut attempts = self.patience.attempts();
        loop {
            let work = Box::pin(run_step(&ctx, step, item.clone()));
            let error = match step_within(&ctx, step, item, work).await {
                Ok(item) => {
                    self.patience.database_replied();
                    self.health.succeeded(step);
                    return Ok(item);
                }
                Err(error) => error,
            };
            let wait = attempts
                .wait_after(&error)
                .filter(|wait| Instant::now() + *wait < deadline);
            let Some(wait) = wait else {
                return Err(error);
            };
            step_span(step, item).in_scope(|| {
                tracing::info!(
                    error.name = %error.name,
                    error.message = %error.message,
                    retry.wait_ms = millis(wait),
                    "step failed, retrying"
                );
            });
            let stop = self.health.all();
            if stop.run_until_cancelled(sleep(wait)).await.is_none() {
                return Err(error);
            }
        }
    }

    fn block_ended(&self, outcome: &BlockOutcome) {
        self.counts.add(outcome);
        self.observer.block_ended(outcome);
    }

    /// Without a summary, since the database is away, the error tells what the run knows.
    fn end(&self, summary: Result<RunSummary, PipelineError>) -> Result<RunEnd, PipelineError> {
        let gave_up = self.health.gave_up();
        let not_begun = self.counts.not_begun();
        match (summary, gave_up) {
            (Ok(summary), gave_up) => Ok(RunEnd {
                summary,
                gave_up,
                not_begun,
            }),
            (Err(error), Some(gave_up)) => {
                Err(PipelineError::new(error.name, gave_up.with_rest(not_begun)))
            }
            (Err(error), None) => Err(self.counts.without_summary(error)),
        }
    }

    /// Logs why a block's step failed, in the step's span.
    fn failed(&self, step: Step, item: BlockItem, error: PipelineError) -> BlockOutcome {
        self.failures.add(item.schedule_id, step, &error);
        self.health.failed(step, &error);
        let _span = step_span(step, &item).entered();
        if error.name == ErrorName::ProviderNotReady {
            tracing::info!("provider has not published the hour yet");
            return BlockOutcome::NotReady(item, error);
        }
        tracing::error!(
            error.name = %error.name,
            error.message = %error.message,
            "block failed"
        );
        BlockOutcome::Failed(item, error)
    }

    /// If this fails, too, the summary counts those blocks as not ended.
    async fn record_missing_outcomes(&self, plan: &Plan) {
        let (ctx, run_id) = (&self.ctx, plan.run_id);
        let recorded = self
            .patience
            .repeat(|| self.failures.record_missing(ctx, run_id))
            .await;
        if let Err(failure) = recorded {
            run_span(run_id).in_scope(|| warn_not_recorded(&failure));
        }
    }
}

/// How long a step may take with its repetitions. A provider's own `deadline` may be longer.
fn step_time(ctx: &Context, step: Step, item: &BlockItem) -> Duration {
    let of_provider = match step {
        Step::Extract => ctx
            .provider(&item.provider)
            .ok()
            .and_then(|it| it.config.deadline),
        Step::SyncDb | Step::SyncSocrata => None,
    };
    of_provider.map_or(MAX_STEP_TIME, |own| own.max(MAX_STEP_TIME))
}
