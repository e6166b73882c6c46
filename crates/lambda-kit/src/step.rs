//! One step of one block, as a function does it.

use std::sync::Arc;
use std::time::Instant;

use pipeline::{BlockItem, Context, PipelineError, step_span, step_within, to_json};
use serde_json::Value;
use trips::status::Step;

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
        ctx,
        deadline,
    } = invocation;
    let ctx = Arc::new(ctx.until(deadline));
    let item = BlockItem::from_json(event)?;
    let work = Box::pin(work(Arc::clone(&ctx), item.clone()));
    let began = Instant::now();
    let ended = step_within(&ctx, step, &item, work).await;
    metrics::step(&ctx, step, &item, began.elapsed(), &ended);
    ended
        .and_then(|done| to_json(&done))
        .map_err(|error| FunctionError::of_step(error, step_span(step, &item)))
}
