//! `sync-db`: the archive's trips, checked and classified, into Postgres, and their public rows
//! into `publish.json`.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use store::{Claim, LoadCounts, LoadRequest};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use trips::block::{Block, BlockObject};
use trips::public_row::PublicRow;
use trips::status::{BlockStatus, Step};
use uuid::Uuid;
use vault::Seal;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, SyncDbOutput};
use crate::load_worker::{LoadWorker, Tally};
use crate::object_stream::JsonArrayStream;
use crate::source::Source;
use crate::step::ClaimedStep;

/// Batches of trips between the thread that checks them and the one that encodes.
const BATCHES_IN_FLIGHT: usize = 8;
/// Pieces of encoded rows between that and the connection.
const PIECES_IN_FLIGHT: usize = 16;

/// Loads the block's trips; rows, counts and status change in one transaction.
///
/// # Errors
///
/// `ArchiveMissing`, `ArchiveUnreadable`, `StorageUnavailable`, `DatabaseUnavailable`, `BlockBusy`,
/// `ConfigInvalid`, `InvalidInput`.
pub async fn sync_db(
    ctx: &Context,
    mut item: BlockItem,
    source: Source<'_>,
) -> Result<BlockItem, PipelineError> {
    let block = item.block()?;
    let mut step = ClaimedStep::begin(ctx, &item, Step::SyncDb).await?;
    let publish_key = ctx.key(&block, BlockObject::Publish);
    if step.is_done_already() {
        let row = step.claim.row();
        let output = SyncDbOutput {
            publish_key,
            fetched: row.fetched(),
            loaded: row.loaded(),
            rejected: row.rejected(),
            duplicates: row.duplicates(),
        };
        step.succeed(false).await?;
        item.sync_db = Some(output);
        return Ok(item);
    }
    let loaded = match load(ctx, &block, &item, &mut step.claim, source).await {
        Ok(loaded) => loaded,
        Err(error) => {
            let status = match error.name {
                // The next run has to pull the hour again.
                ErrorName::ArchiveMissing => BlockStatus::ExtractFailed,
                _ => BlockStatus::LoadFailed,
            };
            return Err(step.fail(status, error).await);
        }
    };
    step.succeed(false).await?;
    let (tally, counts) = loaded;
    tracing::info!(
        run_id = %item.run_id,
        block.provider = %block.provider,
        block.label = %item.label,
        trips.fetched = tally.fetched,
        trips.loaded = counts.loaded,
        trips.rejected = tally.rejected,
        trips.duplicates = counts.duplicates,
        trips.inserted = counts.inserted,
        trips.updated = counts.updated,
        "loaded"
    );
    item.sync_db = Some(SyncDbOutput {
        publish_key,
        fetched: tally.fetched,
        loaded: counts.loaded,
        rejected: tally.rejected,
        duplicates: counts.duplicates,
    });
    Ok(item)
}

async fn load(
    ctx: &Context,
    block: &Block,
    item: &BlockItem,
    claim: &mut Claim,
    source: Source<'_>,
) -> Result<(Tally, LoadCounts), PipelineError> {
    let archive = source
        .open(ctx, &ctx.key(block, BlockObject::Trips))
        .await?
        .content;
    let intake = Arc::new(intake(ctx, block).await?);
    let mut load = claim.start_load().await?;

    let rejects_key = ctx.key(block, BlockObject::Rejects);
    let rejects = ctx.vault().create(&rejects_key, Seal::Encrypt);
    let (trips, batches) = mpsc::channel(BATCHES_IN_FLIGHT);
    let (rows, mut encoded) = mpsc::channel::<Bytes>(PIECES_IN_FLIGHT);
    let (checker, encoder) = (Arc::clone(&intake), intake);
    let checking = spawn_blocking(move || checker.check(archive, trips, rejects));
    let encoding = spawn_blocking(move || encoder.encode(batches, &rows));
    let mut copy = load.copy().await?;
    let mut copied = Ok(());
    while let Some(piece) = encoded.recv().await {
        copied = copy.send(piece).await;
        if copied.is_err() {
            // Tells the threads to stop, too.
            break;
        }
    }
    drop(encoded);
    copied?;
    // The last of the line first: a thread whose receiver is gone only knows that.
    encoding
        .await
        .map_err(|_| PipelineError::interrupted("encoding the trips"))?
        .map_err(|e| PipelineError::from_io("the trips", &e))?;
    let (tally, rejects) = checking
        .await
        .map_err(|_| PipelineError::interrupted("reading the archive"))?
        .map_err(|e| PipelineError::from_envelope("the archive", &e))?;
    copy.finish().await?;
    rejects.finish().await?;

    let facts = LoadRequest {
        run_id: item.run_id,
        version: tally.version.clone(),
        fetched: tally.fetched,
        rejected: tally.rejected,
        error_payload: error_payload(&tally),
        republish: item.force || matches!(source, Source::File(_)),
        vehicles_of: vehicles_of(ctx, block)?,
    };
    let upsert = load.upsert(facts).await?;
    write_public_rows(ctx, block, &upsert).await?;
    let counts = upsert.commit().await?;
    Ok((tally, counts))
}

async fn intake(ctx: &Context, block: &Block) -> Result<LoadWorker, PipelineError> {
    let provider = ctx.provider_config(&block.provider)?;
    Ok(LoadWorker {
        hour: block.hour,
        now: ctx.now(),
        feed: provider.feed(),
        boundaries: ctx.boundaries().await?,
        ids: ctx.public_id_key()?,
    })
}

/// The public rows of the trips just loaded, in the same transaction that holds them: whole in the
/// bucket before the commit, so that a block which is loaded always has something to publish.
async fn write_public_rows(
    ctx: &Context,
    block: &Block,
    upsert: &store::Upsert<'_>,
) -> Result<(), PipelineError> {
    let key = ctx.key(block, BlockObject::Publish);
    let mut object = JsonArrayStream::create(ctx.vault(), &key, Seal::Encrypt)?;
    let mut rows = upsert.publish_rows().await?;
    while let Some(trip) = rows.try_next().await? {
        object.push(&PublicRow::new(&trip, ctx.zone())).await?;
    }
    object.finish().await?;
    Ok(())
}

/// The provider's id in MDS, where its trips have to be joined with its vehicles.
fn vehicles_of(ctx: &Context, block: &Block) -> Result<Option<Uuid>, PipelineError> {
    let provider = ctx.provider_config(&block.provider)?;
    let is_apart = provider.version.rules().vehicles_apart && provider.vehicles;
    Ok(is_apart.then_some(provider.provider_id))
}

fn error_payload(tally: &Tally) -> Option<serde_json::Value> {
    (tally.rejected > 0).then(|| serde_json::json!({ "reasons": tally.reasons }))
}
