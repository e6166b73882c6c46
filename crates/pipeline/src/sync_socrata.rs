//! `sync-socrata`: sends the block's public rows from `publish.json` to the portal, one upload to a
//! dataset at a time.

use std::time::Duration;

use socrata::{Chunk, Chunks};
use store::{Claim, PublishProgress};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use trips::block::{Block, BlockObject};
use trips::status::{BlockStatus, Step};

use crate::context::{Context, Portal};
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, SyncSocrataOutput};
use crate::source::{Opened, Source};
use crate::step::{BlockStep, ClaimedStep, do_step};

/// How long an upload waits for other processes that upload to the same dataset.
const DATASET_WAIT: Duration = Duration::from_secs(60);

/// Sends the block's rows to the portal, from where the last attempt stopped.
///
/// # Errors
///
/// `SocrataThrottled`, `SocrataUnavailable`, `SocrataRejected` (also when the portal refuses single
/// rows in a response of 200), `ArchiveMissing` if nothing is loaded to publish, `BlockBusy`,
/// `StorageUnavailable`, `DatabaseUnavailable`, `Internal`.
pub async fn sync_socrata(
    ctx: &Context,
    item: BlockItem,
    source: Source<'_>,
) -> Result<BlockItem, PipelineError> {
    do_step(ctx, item, SyncSocrata { source }).await
}

struct SyncSocrata<'a> {
    source: Source<'a>,
}

impl BlockStep for SyncSocrata<'_> {
    const STEP: Step = Step::SyncSocrata;
    type Output = SyncSocrataOutput;

    fn output_without_work(&self, step: &ClaimedStep<'_>) -> Option<SyncSocrataOutput> {
        let has_no_rows = matches!(
            step.status(),
            BlockStatus::NoTrips | BlockStatus::AllRejected
        );
        (has_no_rows || step.is_done_already()).then(|| output(&saved_progress(&step.claim)))
    }

    async fn work(self, step: &mut ClaimedStep<'_>) -> Result<SyncSocrataOutput, PipelineError> {
        let progress = publish(step, self.source).await?;
        step.claim
            .mark_published(step.item.run_id, &progress)
            .await?;
        tracing::info!(
            portal.created = progress.created,
            portal.updated = progress.updated,
            "block published"
        );
        Ok(output(&progress))
    }

    /// The status that makes the next run do what is missing: load again if the rows are gone,
    /// otherwise only publish again.
    fn status_after(error: ErrorName, step: &ClaimedStep<'_>) -> Option<BlockStatus> {
        match error {
            _ if !step.status().has_done(Step::SyncDb) => None,
            ErrorName::ArchiveMissing | ErrorName::ArchiveUnreadable => {
                Some(BlockStatus::LoadFailed)
            }
            _ => Some(BlockStatus::PublishFailed),
        }
    }

    fn is_end_of_block(_: BlockStatus) -> bool {
        true
    }

    fn add_to(item: &mut BlockItem, output: SyncSocrataOutput) {
        item.sync_socrata = Some(output);
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
    step: &mut ClaimedStep<'_>,
    source: Source<'_>,
) -> Result<PublishProgress, PipelineError> {
    let portal = step.ctx.portal()?;
    if !step.status().has_done(Step::SyncDb) {
        return Err(not_loaded(&step.block));
    }
    let rows = source
        .open(step.ctx, &step.key(BlockObject::Publish))
        .await?;
    let starts_over = step.item.force || step.status() == BlockStatus::Published;
    let turn_wait = DATASET_WAIT.min(step.time_left());
    let claim = &mut step.claim;
    let progress = resume(saved_progress(claim), &rows.tag, starts_over);
    // The lock within this process comes first: waiting for it costs no connection.
    let _lock = portal.lock.lock().await;
    claim.lock_dataset(&portal.dataset, turn_wait).await?;
    let sent = send(&portal, claim, rows, progress).await;
    let unlocked = claim.unlock_all().await;
    let progress = sent?;
    unlocked?;
    Ok(progress)
}

/// The error of a request to publish a block that is not loaded: `ArchiveMissing`.
#[must_use]
pub fn not_loaded(block: &Block) -> PipelineError {
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

fn resume(saved: PublishProgress, object: &str, starts_over: bool) -> PublishProgress {
    if saved.object == object && !starts_over {
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
    let mut chunks = ChunkReader::start(rows, portal.chunk_rows, progress.rows_done);
    while let Some(chunk) = chunks.next().await? {
        let upsert = portal.client.upsert(&chunk).await?;
        progress.created += upsert.created;
        progress.updated += upsert.updated;
        progress.errors += upsert.errors;
        // After a refused row nothing counts as done, so that the next attempt sends it again.
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

/// Reads the next chunk of rows on a thread, while the portal works on the last one.
struct ChunkReader {
    chunks: mpsc::Receiver<Result<Chunk, PipelineError>>,
    thread: JoinHandle<()>,
}

impl ChunkReader {
    fn start(rows: Opened, chunk_rows: usize, skip: u64) -> Self {
        let (sender, chunks) = mpsc::channel(1);
        let thread = spawn_blocking(move || {
            for chunk in Chunks::new(rows.content, chunk_rows).skip_rows(skip) {
                let chunk = chunk.map_err(|e| {
                    PipelineError::new(ErrorName::ArchiveUnreadable, format!("publish.json: {e}"))
                });
                if sender.blocking_send(chunk).is_err() {
                    return;
                }
            }
        });
        Self { chunks, thread }
    }

    /// Returns `None` after the last chunk.
    async fn next(&mut self) -> Result<Option<Chunk>, PipelineError> {
        if let Some(chunk) = self.chunks.recv().await {
            return chunk.map(Some);
        }
        // The thread has ended: after the last row, or with a panic in the middle.
        (&mut self.thread)
            .await
            .map_err(|_| PipelineError::panicked("reading the public rows"))?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
