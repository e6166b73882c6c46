use std::sync::Arc;
use std::time::Instant;

use pipeline::{BlockItem, Context, ErrorName, PipelineError, step_within};
use serde_json::Value;
use tracing::Instrument;
use trips::status::Step;

use crate::kit::Invocation;
use crate::metrics;

/// Has `work` do one step of the block that the event is about, and answers the item with what the
/// step did.
///
/// # Errors
///
/// `InvalidInput` for an event that is no block item; otherwise those of [`step_within()`].
pub async fn step<W, F>(step: Step, invocation: Invocation, work: W) -> Result<Value, PipelineError>
where
    W: FnOnce(Arc<Context>, BlockItem) -> F,
    F: Future<Output = Result<BlockItem, PipelineError>>,
{
    let Invocation {
        event,
        ctx,
        deadline,
    } = invocation;
    let item = BlockItem::from_json(event)?;
    let span = tracing::info_span!(
        "step",
        step = step.as_str(),
        run_id = %item.run_id,
        block.provider = %item.provider,
        block.label = %item.label,
    );
    let work = Box::pin(work(Arc::clone(&ctx), item.clone()));
    let measured = async {
        let began = Instant::now();
        let done = step_within(deadline, &ctx, step, &item, work).await;
        metrics::step(&ctx, step, &item, began.elapsed(), &done);
        done
    };
    answer(&measured.instrument(span).await?)
}

pub(crate) fn answer(value: &impl serde::Serialize) -> Result<Value, PipelineError> {
    serde_json::to_value(value)
        .map_err(|e| PipelineError::new(ErrorName::InvalidInput, e.to_string()))
}
