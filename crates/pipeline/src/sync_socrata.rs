//! `sync-socrata`: waits until the portal has the block's rows, and uploads what is waiting if it
//! is our turn.

use std::path::Path;

use store::BlockEnd;
use tokio::task::spawn_blocking;
use tracing::Instrument;
use trips::status::Step;
use uuid::Uuid;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, SyncSocrataOutput};
use crate::publish::rows::read_ids;
use crate::publish::{publish_block, publish_trips};
use crate::source::Source;
use crate::span::step_span;
use crate::step::{record_failure, warn_not_recorded, without_panic};

/// Waits until the portal has what it must receive of the block. Of a file the rows are sent that
/// it names, as the block's trips are loaded.
///
/// No claim is held: an upload carries the rows of many blocks, and the ledger keeps them apart.
///
/// # Errors
///
/// `SocrataThrottled`, `SocrataUnavailable`, `SocrataRejected` (also when the portal refuses single
/// rows in a response of 200), `ArchiveMissing` if nothing is loaded to publish,
/// `ArchiveUnreadable` if `publish.json` is not what the load has written, `ConfigInvalid` if the
/// dataset does not fit, `BlockBusy`, `StorageUnavailable`, `DatabaseUnavailable`, `Internal`.
pub async fn sync_socrata(
    ctx: &Context,
    mut item: BlockItem,
    source: Source<'_>,
) -> Result<BlockItem, PipelineError> {
    let span = step_span(Step::SyncSocrata, &item);
    let output = without_panic(Box::pin(publish_and_record(ctx, &item, source)))
        .instrument(span)
        .await?;
    item.sync_socrata = Some(output);
    Ok(item)
}

async fn publish_and_record(
    ctx: &Context,
    item: &BlockItem,
    source: Source<'_>,
) -> Result<SyncSocrataOutput, PipelineError> {
    item.block()?;
    match without_panic(Box::pin(publish(ctx, item, source))).await {
        Ok(output) => {
            record_done(ctx, item).await?;
            tracing::info!(
                portal.created = output.created,
                portal.updated = output.updated,
                portal.deleted = output.deleted,
                "block published"
            );
            Ok(output)
        }
        Err(error) => {
            if let Err(failure) = record_in_schedule(ctx, item, &error).await {
                warn_not_recorded(&failure);
            }
            record_failure(ctx, Step::SyncSocrata, item, &error).await;
            Err(error)
        }
    }
}

async fn publish(
    ctx: &Context,
    item: &BlockItem,
    source: Source<'_>,
) -> Result<SyncSocrataOutput, PipelineError> {
    match source {
        Source::Bucket => publish_block(ctx, item).await,
        Source::File(path) => publish_trips(ctx, item, &ids_of_file(ctx, path).await?).await,
    }
}

async fn record_done(ctx: &Context, item: &BlockItem) -> Result<(), PipelineError> {
    ctx.store()
        .record_outcome(
            item.run_id,
            item.schedule_id,
            BlockEnd::done(Step::SyncSocrata),
        )
        .await?;
    Ok(())
}

/// A step that only waited, or that had nothing to work on, changes nothing in the block's row. A
/// publication that was refused by itself has been recorded by whoever uploaded it.
async fn record_in_schedule(
    ctx: &Context,
    item: &BlockItem,
    error: &PipelineError,
) -> Result<(), PipelineError> {
    let is_failed_upload = matches!(
        error.name,
        ErrorName::SocrataThrottled
            | ErrorName::SocrataUnavailable
            | ErrorName::SocrataRejected
            | ErrorName::ConfigInvalid
            | ErrorName::StorageUnavailable
            | ErrorName::Internal
    );
    if is_failed_upload {
        ctx.store()
            .record_publish_failure(
                item.schedule_id,
                item.run_id,
                error.name.as_str(),
                &error.message,
            )
            .await?;
    }
    Ok(())
}

/// The public ids of a local file's rows, each of which has the published form.
async fn ids_of_file(ctx: &Context, path: &Path) -> Result<Vec<Uuid>, PipelineError> {
    let content = Source::File(path).open(ctx, "").await?;
    let (name, times) = (path.display().to_string(), ctx.public_times()?);
    spawn_blocking(move || read_ids(&name, content, &times))
        .await
        .map_err(|_| PipelineError::panicked("reading the public rows"))?
}
