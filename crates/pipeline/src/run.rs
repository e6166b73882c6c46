//! A whole plan in one process: what the state machine does in the cloud, over the same steps.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use http_kit::{RetryBudget, RetryPolicy};
use store::RunSummary;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use trips::status::Step;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::BlockItem;
use crate::manifest::read_manifest;
use crate::plan::Plan;
use crate::run_step::run_step;
use crate::summarize::summarize;

/// Loaded blocks that may wait for the portal before loading waits too. An item is a kilobyte.
const WAITING_FOR_PORTAL: usize = 4096;

/// Blocks in the step `sync-socrata`. Their uploads take turns, but one is made ready and another
/// written down meanwhile.
const PUBLISHED_AT_ONCE: usize = 3;

/// Attempts at a step. With [`STEP_RETRY`] they take about eleven seconds.
const STEP_ATTEMPTS: u32 = 5;
const STEP_RETRY: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(1500),
    max: Duration::from_secs(12),
    patience: Duration::from_secs(12),
};

/// How a run is carried out.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Blocks that are pulled and loaded at once; at least 1. Each takes a database connection, and
    /// publishing three.
    pub concurrency: usize,
    /// Once cancelled, no further step begins; those under way end first.
    pub cancel: CancellationToken,
}

/// How one block ended.
#[derive(Debug)]
pub enum BlockOutcome {
    /// All of its steps are done.
    Done(BlockItem),
    /// The provider has not published it yet; a later run asks again.
    NotReady(BlockItem, PipelineError),
    /// A step failed.
    Failed(BlockItem, PipelineError),
    /// The run was cancelled before its next step.
    Cancelled(BlockItem),
}

/// Told of each block as it ends, for a progress bar or a log.
pub trait RunObserver: Send + Sync {
    /// A block has ended.
    fn block_ended(&self, outcome: &BlockOutcome);
}

/// Works through a plan: blocks are pulled and loaded side by side, and published behind that, one
/// upload at a time, so that a slow portal holds nothing else up. A block that fails stops no
/// other.
///
/// # Errors
///
/// `RunHadFailures` with the counts if any block failed; otherwise what kept the run from being
/// read or summed up.
pub async fn run_local(
    ctx: Arc<Context>,
    plan: &Plan,
    options: RunOptions,
    observer: Arc<dyn RunObserver>,
) -> Result<RunSummary, PipelineError> {
    if let Some(manifest) = &plan.manifest {
        let items = read_manifest(&ctx, manifest).await?;
        let (loaded, publishing) = mpsc::channel(WAITING_FOR_PORTAL);
        let publisher = tokio::spawn(publish_all(
            Arc::clone(&ctx),
            publishing,
            options.cancel.clone(),
            Arc::clone(&observer),
        ));
        let read = load_all(&ctx, items, loaded, &options, &observer).await;
        publisher
            .await
            .map_err(|_| PipelineError::interrupted("publishing"))?;
        read?;
    }
    summarize(&ctx, plan.run_id).await
}

async fn load_all(
    ctx: &Arc<Context>,
    mut items: mpsc::Receiver<Result<BlockItem, PipelineError>>,
    loaded: mpsc::Sender<BlockItem>,
    options: &RunOptions,
    observer: &Arc<dyn RunObserver>,
) -> Result<(), PipelineError> {
    let mut unreadable = None;
    let items = stream::poll_fn(|cx| items.poll_recv(cx));
    let mut blocks = items
        .map(|item| {
            let (ctx, cancel) = (Arc::clone(ctx), options.cancel.clone());
            async move { Ok(Box::pin(load_block(&ctx, item?, &cancel)).await) }
        })
        .buffer_unordered(options.concurrency.max(1));
    while let Some(block) = blocks.next().await {
        match block {
            Err(error) => unreadable = Some(error),
            Ok(Loaded::ToPublish(item)) => {
                // The publisher ends only after this side has.
                let _ = loaded.send(item).await;
            }
            Ok(Loaded::Ended(outcome)) => observer.block_ended(&outcome),
        }
    }
    unreadable.map_or(Ok(()), Err)
}

enum Loaded {
    ToPublish(BlockItem),
    Ended(BlockOutcome),
}

async fn load_block(ctx: &Arc<Context>, mut item: BlockItem, cancel: &CancellationToken) -> Loaded {
    for step in item.steps.clone() {
        if cancel.is_cancelled() {
            return Loaded::Ended(BlockOutcome::Cancelled(item));
        }
        let before = item.clone();
        let done = match step {
            Step::SyncSocrata => return Loaded::ToPublish(item),
            Step::Extract | Step::SyncDb => with_retry(|| run_step(ctx, step, item.clone())).await,
        };
        item = match done {
            Ok(item) => item,
            Err(error) => return Loaded::Ended(ended_badly(before, error)),
        };
        if item.extract.as_ref().is_some_and(|e| e.trip_count == 0) {
            break;
        }
    }
    Loaded::Ended(BlockOutcome::Done(item))
}

async fn publish_all(
    ctx: Arc<Context>,
    mut items: mpsc::Receiver<BlockItem>,
    cancel: CancellationToken,
    observer: Arc<dyn RunObserver>,
) {
    let mut outcomes = stream::poll_fn(|cx| items.poll_recv(cx))
        .map(|item| Box::pin(publish_block(&ctx, item, &cancel)))
        .buffer_unordered(PUBLISHED_AT_ONCE);
    while let Some(outcome) = outcomes.next().await {
        observer.block_ended(&outcome);
    }
}

async fn publish_block(ctx: &Context, item: BlockItem, cancel: &CancellationToken) -> BlockOutcome {
    if cancel.is_cancelled() {
        return BlockOutcome::Cancelled(item);
    }
    match with_retry(|| run_step(ctx, Step::SyncSocrata, item.clone())).await {
        Ok(item) => BlockOutcome::Done(item),
        Err(error) => ended_badly(item, error),
    }
}

fn ended_badly(item: BlockItem, error: PipelineError) -> BlockOutcome {
    if error.name == ErrorName::ProviderNotReady {
        tracing::info!(
            run_id = %item.run_id,
            block.provider = %item.provider,
            block.label = %item.label,
            "not published by the provider yet"
        );
        return BlockOutcome::NotReady(item, error);
    }
    tracing::error!(
        run_id = %item.run_id,
        block.provider = %item.provider,
        block.label = %item.label,
        error.name = %error.name,
        error.message = %error.message,
        "block failed"
    );
    BlockOutcome::Failed(item, error)
}

/// Repeats a step for what the clients below do not wait out themselves: another run's claim, and a
/// database or bucket that is away for a moment.
async fn with_retry<F, Fut>(mut step: F) -> Result<BlockItem, PipelineError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<BlockItem, PipelineError>>,
{
    let mut budget =
        RetryBudget::new(STEP_ATTEMPTS, STEP_RETRY).with_min_wait(Duration::from_millis(500));
    loop {
        let error = match step().await {
            Err(error) if is_worth_repeating(error.name) => error,
            result => return result,
        };
        let Some(wait) = budget.backoff(None) else {
            return Err(error);
        };
        tokio::time::sleep(wait).await;
    }
}

fn is_worth_repeating(error: ErrorName) -> bool {
    matches!(
        error,
        ErrorName::BlockBusy | ErrorName::DatabaseUnavailable | ErrorName::StorageUnavailable
    )
}
