//! `sync-socrata`: the block's public rows, from `publish.json` to the portal, one upload to a
//! dataset at a time.

use std::time::Duration;

use socrata::{Chunk, Chunks};
use store::{Claim, PublishProgress};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use trips::block::{Block, BlockObject};
use trips::status::{BlockStatus, Step};

use crate::context::{Context, Portal};
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, SyncSocrataOutput};
use crate::source::{Opened, Source};
use crate::step::ClaimedStep;

/// How long an upload waits for those of other processes to the same dataset.
const DATASET_WAIT: Duration = Duration::from_secs(60);

/// Sends the block's rows to the portal, from where a former attempt left off.
///
/// # Errors
///
/// `SocrataThrottled`, `SocrataUnavailable`, `SocrataRejected` (also when the portal refuses single
/// rows in an answer of 200), `ArchiveMissing` if nothing is loaded to publish, `BlockBusy`,
/// `StorageUnavailable`, `DatabaseUnavailable`.
pub async fn sync_socrata(
    ctx: &Context,
    mut item: BlockItem,
    source: Source<'_>,
) -> Result<BlockItem, PipelineError> {
    let block = item.block()?;
    let mut step = ClaimedStep::begin(ctx, &item, Step::SyncSocrata).await?;
    let nothing_to_send = matches!(
        step.status(),
        BlockStatus::NoTrips | BlockStatus::AllRejected
    );
    if step.is_done_already() || nothing_to_send {
        let progress = saved_progress(&step.claim);
        step.succeed(true).await?;
        item.sync_socrata = Some(output(&progress));
        return Ok(item);
    }
    let fresh = item.force || step.status() == BlockStatus::Published;
    let progress = match publish(ctx, &block, &mut step.claim, source, fresh).await {
        Ok(progress) => progress,
        Err(error) => {
            let status = failed_status(step.status(), error.name);
            return Err(step.fail(status, error).await);
        }
    };
    step.claim.mark_published(item.run_id, &progress).await?;
    step.succeed(true).await?;
    tracing::info!(
        run_id = %item.run_id,
        block.provider = %block.provider,
        block.label = %item.label,
        portal.created = progress.created,
        portal.updated = progress.updated,
        "published"
    );
    item.sync_socrata = Some(output(&progress));
    Ok(item)
}

/// The status that makes the next run do what is missing: load again if the rows are gone, else
/// only publish again.
fn failed_status(now: BlockStatus, error: ErrorName) -> BlockStatus {
    match error {
        _ if !now.has_done(Step::SyncDb) => now,
        ErrorName::ArchiveMissing | ErrorName::ArchiveUnreadable => BlockStatus::LoadFailed,
        _ => BlockStatus::PublishFailed,
    }
}

fn output(progress: &PublishProgress) -> SyncSocrataOutput {
    SyncSocrataOutput {
        created: progress.created,
        updated: progress.updated,
        errors: progress.errors,
    }
}

async fn publish(
    ctx: &Context,
    block: &Block,
    claim: &mut Claim,
    source: Source<'_>,
    fresh: bool,
) -> Result<PublishProgress, PipelineError> {
    let portal = ctx.portal()?;
    if !claim.row().status.has_done(Step::SyncDb) {
        return Err(not_loaded(block));
    }
    let rows = source
        .open(ctx, &ctx.key(block, BlockObject::Publish))
        .await?;
    let progress = resume(saved_progress(claim), &rows.tag, fresh);
    // First the turn within this process, which costs nothing to wait for, then the one among all
    // processes.
    let _turn = portal.turn.lock().await;
    claim.lock_dataset(&portal.dataset, DATASET_WAIT).await?;
    let sent = send(&portal, claim, rows, progress).await;
    let unlocked = claim.unlock_all().await;
    let progress = sent?;
    unlocked?;
    Ok(progress)
}

fn not_loaded(block: &Block) -> PipelineError {
    PipelineError::new(
        ErrorName::ArchiveMissing,
        format!(
            "nothing of {} is loaded for this block, so there is nothing to publish: run sync-db first",
            block.provider
        ),
    )
}

fn saved_progress(claim: &Claim) -> PublishProgress {
    claim.row().socrata_status.clone().unwrap_or_default()
}

fn resume(saved: PublishProgress, object: &str, fresh: bool) -> PublishProgress {
    if saved.object == object && !fresh {
        return PublishProgress { errors: 0, ..saved };
    }
    PublishProgress {
        object: object.to_owned(),
        ..PublishProgress::default()
    }
}

async fn send(
    portal: &Portal,
    claim: &mut Claim,
    rows: Opened,
    mut progress: PublishProgress,
) -> Result<PublishProgress, PipelineError> {
    let mut chunks = read_ahead(rows, portal.chunk_rows, progress.rows_done);
    while let Some(chunk) = chunks.recv().await {
        let chunk = chunk?;
        let upsert = portal.client.upsert(&chunk).await?;
        progress.created += upsert.created;
        progress.updated += upsert.updated;
        progress.errors += upsert.errors;
        // After refused rows nothing counts as done, so that the next attempt sends them again.
        if progress.errors == 0 {
            progress.rows_done += chunk.rows as u64;
        }
        claim.save_publish_progress(&progress).await?;
    }
    if progress.errors > 0 {
        return Err(PipelineError::new(
            ErrorName::SocrataRejected,
            format!(
                "the portal refused {} rows of dataset {} (it took {})",
                progress.errors,
                portal.dataset,
                progress.created + progress.updated
            ),
        ));
    }
    Ok(progress)
}

/// Reads and cuts the next chunk while the portal works on the last.
fn read_ahead(
    rows: Opened,
    chunk_rows: usize,
    skip: u64,
) -> mpsc::Receiver<Result<Chunk, PipelineError>> {
    let (sender, receiver) = mpsc::channel(1);
    spawn_blocking(move || {
        for chunk in Chunks::new(rows.content, chunk_rows).skip_rows(skip) {
            let chunk = chunk.map_err(|e| {
                PipelineError::new(ErrorName::ArchiveUnreadable, format!("publish.json: {e}"))
            });
            if sender.blocking_send(chunk).is_err() {
                return;
            }
        }
    });
    receiver
}
