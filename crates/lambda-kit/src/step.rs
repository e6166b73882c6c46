//! One step of one block, as a function does it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use config::Scope;
use pipeline::{
    BlockItem, Context, PipelineError, record_not_begun, step_span, step_within, to_json,
};
use serde_json::Value;
use trips::status::Step;

use crate::contexts::Contexts;
use crate::error::FunctionError;
use crate::kit::Invocation;
use crate::metrics;

/// Lets `work` do one step of the event's block, and returns the block item with the step's output.
///
/// # Errors
///
/// `InvalidInput` for an event that is not a block item; otherwise those of [`step_within()`].
pub async fn step<W, F>(step: Step, invocation: Invocation, work: W) -> Result<Value, FunctionError>
where
    W: FnOnce(Arc<Context>, BlockItem) -> F,
    F: Future<Output = Result<BlockItem, PipelineError>>,
{
    let Invocation {
        event,
        contexts,
        deadline,
    } = invocation;
    let item = BlockItem::from_json(event)?;
    let ctx = match contexts.of_run(scope_of(step), item.config.as_ref()).await {
        Ok(ctx) => Arc::new(ctx.until(deadline)),
        Err(error) => return Err(not_begun(&contexts, step, &item, error).await),
    };
    let work = Box::pin(work(Arc::clone(&ctx), item.clone()));
    let began = Instant::now();
    let ended = step_within(&ctx, step, &item, work).await;
    metrics::step(&ctx, step, &item, began.elapsed(), &ended);
    ended
        .and_then(|done| to_json(&done))
        .map_err(|error| FunctionError::of_step(error, step_span(step, &item)))
}

fn scope_of(step: Step) -> Scope {
    match step {
        Step::Extract => Scope::Extract,
        Step::SyncDb => Scope::SyncDb,
        Step::SyncSocrata => Scope::SyncSocrata,
    }
}

/// Reports a step for which there is no configuration. The database is that of the current one, if
/// there is one that can be used.
async fn not_begun(
    contexts: &Contexts,
    step: Step,
    item: &BlockItem,
    error: PipelineError,
) -> FunctionError {
    if item.config.is_some()
        && let Ok(ctx) = contexts.of_run(scope_of(step), None).await
    {
        record_not_begun(&ctx, step, item, &error).await;
        metrics::step(&ctx, step, item, Duration::ZERO, &Err(error.clone()));
    }
    FunctionError::of_step(error, step_span(step, item))
}
