//! `summarize`: how a run ended, block by block.

use std::collections::{HashMap, HashSet};

use store::{RunSummary, UnfinishedBlock};
use tracing::Instrument;
use trips::block::manifest_key;
use uuid::Uuid;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, ManifestLocation};
use crate::manifest::read_manifest;
use crate::span::run_span;

/// The database is asked for the outcomes of this many blocks at a time.
const ITEMS_AT_ONCE: usize = 1000;

/// Counts a run's blocks by outcome.
///
/// # Errors
///
/// `RunHadFailures` with the counts and the first blocks that failed or did not end, if there are
/// any; otherwise those of [`run_summary`].
pub async fn summarize(ctx: &Context, run_id: Uuid) -> Result<RunSummary, PipelineError> {
    successful(run_summary(ctx, run_id).await?)
}

/// Returns the summary of a run in which no block failed.
///
/// # Errors
///
/// `RunHadFailures` with the counts and the first blocks that failed or did not end, if there are
/// any.
pub fn successful(summary: RunSummary) -> Result<RunSummary, PipelineError> {
    if !summary.is_success() {
        return Err(PipelineError::new(
            ErrorName::RunHadFailures,
            summary.to_string(),
        ));
    }
    Ok(summary)
}

/// Counts a run's blocks by outcome, whether blocks failed or not.
///
/// # Errors
///
/// `InvalidInput` if there is no such run; `DatabaseUnavailable`, `StorageUnavailable`.
pub async fn run_summary(ctx: &Context, run_id: Uuid) -> Result<RunSummary, PipelineError> {
    count_outcomes(ctx, run_id)
        .instrument(run_span(run_id))
        .await
}

async fn count_outcomes(ctx: &Context, run_id: Uuid) -> Result<RunSummary, PipelineError> {
    let summary = ctx.store().run_summary(run_id, ctx.zone()).await?;
    let mut summary = summary.ok_or_else(|| {
        PipelineError::new(
            ErrorName::InvalidInput,
            format!("there is no run {run_id} in api.runs"),
        )
    })?;
    if needs_names(&summary) {
        name_blocks(ctx, &mut summary).await.or_else(tolerate)?;
    }
    if summary.is_success() {
        tracing::info!(
            blocks.done = summary.done,
            blocks.not_ready = summary.not_ready,
            "run succeeded"
        );
    }
    Ok(summary)
}

/// Names what the database alone cannot: the failed blocks that the schedule no longer has, and the
/// first blocks without an outcome.
async fn name_blocks(ctx: &Context, summary: &mut RunSummary) -> Result<(), PipelineError> {
    let mut items = read_manifest(ctx, &manifest(ctx, summary)).await?;
    let mut batch = Vec::new();
    while let Some(item) = items.recv().await {
        batch.push(item?);
        if batch.len() == ITEMS_AT_ONCE {
            name_batch(ctx, summary, &batch).await?;
            batch.clear();
        }
        if !needs_names(summary) {
            return Ok(());
        }
    }
    name_batch(ctx, summary, &batch).await
}

fn needs_names(summary: &RunSummary) -> bool {
    summary.removed() > 0 || summary.has_unnamed()
}

async fn name_batch(
    ctx: &Context,
    summary: &mut RunSummary,
    items: &[BlockItem],
) -> Result<(), PipelineError> {
    if summary.removed() > 0 {
        add_removed(ctx, summary, items).await?;
    }
    if summary.has_unnamed() {
        add_unfinished(ctx, summary, items).await?;
    }
    Ok(())
}

async fn add_removed(
    ctx: &Context,
    summary: &mut RunSummary,
    items: &[BlockItem],
) -> Result<(), PipelineError> {
    let removed = ctx
        .store()
        .removed_blocks(summary.run_id, &ids(items))
        .await?;
    let mut removed: HashMap<i64, _> = removed.into_iter().map(|it| (it.schedule_id, it)).collect();
    for item in items {
        if let Some(block) = removed.remove(&item.schedule_id) {
            summary.add_removed(&item.block()?, block, ctx.zone());
        }
    }
    Ok(())
}

async fn add_unfinished(
    ctx: &Context,
    summary: &mut RunSummary,
    items: &[BlockItem],
) -> Result<(), PipelineError> {
    let without_outcome: HashSet<i64> = ctx
        .store()
        .blocks_without_outcome(summary.run_id, &ids(items))
        .await?
        .into_iter()
        .collect();
    for item in items {
        if without_outcome.contains(&item.schedule_id) && summary.has_unnamed() {
            summary.first_unfinished.push(UnfinishedBlock {
                schedule_id: item.schedule_id,
                provider: item.provider.clone(),
                label: item.label.clone(),
            });
        }
    }
    Ok(())
}

fn manifest(ctx: &Context, summary: &RunSummary) -> ManifestLocation {
    ManifestLocation {
        bucket: ctx.vault().bucket().to_owned(),
        key: manifest_key(ctx.config().env.stage, summary.run_id),
    }
}

fn ids(items: &[BlockItem]) -> Vec<i64> {
    items.iter().map(|item| item.schedule_id).collect()
}

/// The counts are worth more than the names: without a manifest they are returned alone.
fn tolerate(error: PipelineError) -> Result<(), PipelineError> {
    if error.name.is_transient() {
        return Err(error);
    }
    tracing::warn!(
        error.name = %error.name,
        error.message = %error.message,
        "blocks that did not end or were removed cannot be named"
    );
    Ok(())
}
