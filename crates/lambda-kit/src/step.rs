use std::time::Instant;

use pipeline::{BlockItem, ErrorName, PipelineError, run_step};
use serde_json::Value;
use tracing::Instrument;
use trips::status::Step;

use crate::kit::Invocation;
use crate::metrics;

/// Does one step of the block that the event is about, and answers the item with what the step did.
///
/// # Errors
/// `InvalidInput` for an event that is no block item; otherwise those of [`run_step()`].
pub async fn step(step: Step, invocation: Invocation) -> Result<Value, PipelineError> {
    let item = BlockItem::from_json(invocation.event)?;
    let span = tracing::info_span!(
        "step",
        step = step.as_str(),
        run_id = %item.run_id,
        block.provider = %item.provider,
        block.label = %item.label,
    );
    let work = async {
        let began = Instant::now();
        let before = item.clone();
        let done = run_step(&invocation.ctx, step, item, Some(invocation.deadline)).await;
        metrics::step(&invocation.ctx, step, &before, began.elapsed(), &done);
        done
    };
    answer(&work.instrument(span).await?)
}

pub(crate) fn answer(value: &impl serde::Serialize) -> Result<Value, PipelineError> {
    serde_json::to_value(value)
        .map_err(|e| PipelineError::new(ErrorName::InvalidInput, e.to_string()))
}
