//! Blocks for tests and benchmarks of single steps.

use pipeline::{BlockItem, Context, PlanRequest, plan, read_manifest};

use crate::StackError;

/// Plans one block of a provider, by its label and with every step forced, and returns its item.
///
/// # Errors
///
/// [`StackError::Pipeline`] if the plan fails, [`StackError::NoBlock`] if it is empty.
pub async fn planned_item(
    ctx: &Context,
    provider: &str,
    label: &str,
) -> Result<BlockItem, StackError> {
    let request = PlanRequest {
        provider: Some(provider.to_owned()),
        time_max: Some(label.to_owned()),
        force: true,
        ..PlanRequest::default()
    };
    let plan = plan(ctx, &request, |_| {}).await?;
    let manifest = plan.manifest.ok_or(StackError::NoBlock)?;
    let mut items = read_manifest(ctx, &manifest).await?;
    Ok(items.recv().await.ok_or(StackError::NoBlock)??)
}
