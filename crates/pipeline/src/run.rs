//! Carries out a whole plan in one process, with the same steps that the state machine runs in the
//! cloud.

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
use crate::span::step_span;
use crate::summarize::summarize;

/// How many loaded blocks may wait for the portal before loading waits too. An item is a kilobyte.
const WAITING_FOR_PORTAL: usize = 4096;

/// How many blocks are in the step `sync-socrata`. One uploads; meanwhile another one prepares its
/// upload and a third one records how its upload ended.
const PUBLISHED_AT_ONCE: usize = 3;

/// Attempts at a step. With [`STEP_RETRY`] they take about eleven seconds.
const STEP_ATTEMPTS: u32 = 5;
const STEP_RETRY: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(1500),
    max: Duration::from_secs(12),
    patience: Duration::from_secs(12),
};

/// How to carry out a run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// How many blocks are pulled and loaded at once; at least 1. Each takes a database connection,
    /// and publishing takes three.
    pub concurrency: usize,
    /// Once it is cancelled, no further step begins; the steps that have begun end first.
    pub cancel: CancellationToken,
}

/// How one block ended.
#[derive(Debug)]
pub enum BlockOutcome {
    /// All of the item's steps are done.
    Done(BlockItem),
    /// The provider has not published it yet; a later run requests it again.
    NotReady(BlockItem, PipelineError),
    /// A step failed.
    Failed(BlockItem, PipelineError),
    /// The run was cancelled before its next step.
    Cancelled(BlockItem),
}

/// Receives each block as it ends, for a progress bar or a log.
pub trait RunObserver: Send + Sync {
    /// A block has ended.
    fn block_ended(&self, outcome: &BlockOutcome);
}

/// Works through a plan. It pulls and loads several blocks at once and publishes them one upload at
/// a time, so a slow portal does not delay the other steps. A block that fails does not stop
/// another.
///
/// # Errors
///
/// `RunHadFailures` with the counts if any block failed; other errors if the plan cannot be read or
/// the run cannot be summarized.
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
            .map_err(|_| PipelineError::panicked("publishing"))?;
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
                // The publisher ends only after this sender is gone.
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

async fn load_block(ctx: &Context, mut item: BlockItem, cancel: &CancellationToken) -> Loaded {
    for step in item.steps.clone() {
        if cancel.is_cancelled() {
            return Loaded::Ended(BlockOutcome::Cancelled(item));
        }
        if step == Step::SyncSocrata {
            return Loaded::ToPublish(item);
        }
        item = match with_retry(ctx, step, &item).await {
            Ok(item) => item,
            Err(error) => return Loaded::Ended(failed(step, item, error)),
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
    match with_retry(ctx, Step::SyncSocrata, &item).await {
        Ok(item) => BlockOutcome::Done(item),
        Err(error) => failed(Step::SyncSocrata, item, error),
    }
}

/// Logs why a block's step failed, in the step's span.
fn failed(step: Step, item: BlockItem, error: PipelineError) -> BlockOutcome {
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

/// Runs a step, and repeats it after the errors that pass soon and that no client below waits for:
/// another run holds the block, or the database or the bucket is away for a moment.
async fn with_retry(
    ctx: &Context,
    step: Step,
    item: &BlockItem,
) -> Result<BlockItem, PipelineError> {
    let mut budget =
        RetryBudget::new(STEP_ATTEMPTS, STEP_RETRY).with_min_wait(Duration::from_millis(500));
    loop {
        let error = match run_step(ctx, step, item.clone()).await {
            Err(error) if is_worth_repeating(error.name) => error,
            result => return result,
        };
        let Some(wait) = budget.backoff(None) else {
            return Err(error);
        };
        step_span(step, item).in_scope(|| {
            tracing::info!(
                error.name = %error.name,
                error.message = %error.message,
                retry.wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "step failed, retrying"
            );
        });
        tokio::time::sleep(wait).await;
    }
}

fn is_worth_repeating(error: ErrorName) -> bool {
    matches!(
        error,
        ErrorName::BlockBusy | ErrorName::DatabaseUnavailable | ErrorName::StorageUnavailable
    )
}
