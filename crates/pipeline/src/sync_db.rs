//! `sync-db`: loads the archive's trips, checked and classified, into Postgres, and writes their
//! public rows to `publish.json`.

use std::sync::Arc;

use bytes::Bytes;
use chrono::Utc;
use mds_client::Withdrawals;
use store::{LoadCounts, LoadRequest, LoadStage, Screened, Writing, WrittenLoad};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use trips::block::{BlockObject, Hour};
use trips::status::{BlockStatus, Step};
use trips::words::counted;
use vault::{ObjectWriter, PreparedObject, Seal, WriteCondition};

use self::delivery::Delivery;
use self::older::ArchiveKey;
use crate::archive_check::OpenArchive;
use crate::context::{Context, Provider};
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, SyncDbOutput};
use crate::extract::{Content, Kept, Loss, Survey};
use crate::fenced::{FencedWriter, still};
use crate::load_worker::{Checked, LoadWorker, Tally};
use crate::publish::file::write_file;
use crate::source::{self, Source};
use crate::step::{BlockStep, ClaimedStep, do_step};
use crate::trips_file::NEEDED_FORM;

mod delivery;
mod older;

/// What becomes of a loaded block whose archive is gone, and the ways out.
const KEPT_WITHOUT_ARCHIVE: &str = "; the trips stay as they were loaded. Put the archive back and repeat the load; \
                                    or request the hour again with --force and without --no-extract, which withdraws \
                                    the trips that the provider no longer returns";

/// Batches of trips between the thread that checks them and the one that encodes them.
const BATCHES_IN_FLIGHT: usize = 8;
/// Pieces of encoded rows between that thread and the connection.
const PIECES_IN_FLIGHT: usize = 16;

/// Loads the block's trips; rows, counts and status change in one transaction.
///
/// # Errors
///
/// `ArchiveMissing`, `ArchiveUnreadable`, `StorageUnavailable`, `DatabaseUnavailable`, `BlockBusy`,
/// `ConfigInvalid`, `InvalidInput`, `Internal`; of a file also `ProviderLostTrips`, if it lacks too
/// many of the loaded trips.
pub async fn sync_db(
    ctx: &Context,
    item: BlockItem,
    source: Source<'_>,
) -> Result<BlockItem, PipelineError> {
    do_step(ctx, item, SyncDb { source }).await
}

struct SyncDb<'a> {
    source: Source<'a>,
}

impl BlockStep for SyncDb<'_> {
    const STEP: Step = Step::SyncDb;
    type Output = SyncDbOutput;

    fn output_without_work(&self, step: &ClaimedStep<'_>) -> Option<SyncDbOutput> {
        let row = step.claim.row();
        // Whoever finds that every trip is rejected has to fail, so it is found again.
        let is_done = step.is_done_already() && row.status != BlockStatus::AllRejected;
        is_done.then(|| SyncDbOutput {
            publish_key: step.key(BlockObject::Publish),
            fetched: row.fetched(),
            loaded: row.loaded(),
            rejected: row.rejected(),
            duplicates: row.duplicates(),
            withdrawn: 0,
        })
    }

    async fn work(self, step: &mut ClaimedStep<'_>) -> Result<SyncDbOutput, PipelineError> {
        let loaded = Box::pin(load(step, self.source)).await;
        let was_loaded = was_loaded(step);
        let (tally, counts) = loaded.map_err(|error| of_source(error, self.source, was_loaded))?;
        tracing::info!(
            trips.fetched = tally.fetched,
            trips.loaded = counts.loaded,
            trips.rejected = tally.rejected,
            trips.duplicates = counts.duplicates,
            trips.inserted = counts.inserted,
            trips.updated = counts.updated,
            trips.withdrawn = counts.withdrawn,
            "block loaded"
        );
        if counts.status == BlockStatus::AllRejected {
            return Err(all_rejected(&tally, &step.key(BlockObject::Rejects)));
        }
        Ok(SyncDbOutput {
            publish_key: step.key(BlockObject::Publish),
            fetched: tally.fetched,
            loaded: counts.loaded,
            rejected: tally.rejected,
            duplicates: counts.duplicates,
            withdrawn: counts.withdrawn,
        })
    }

    fn status_after(error: ErrorName, step: &ClaimedStep<'_>) -> Option<BlockStatus> {
        let status = step.status();
        match error {
            ErrorName::ArchiveMissing if !status.has_done(Step::Extract) => None,
            // Its trips are there. Its provider may no longer return them after so long, and a
            // request would then withdraw them.
            ErrorName::ArchiveMissing if status.has_done(Step::SyncDb) => None,
            ErrorName::ArchiveMissing if was_loaded(step) => Some(status),
            // The next run has to pull the hour again.
            ErrorName::ArchiveMissing => Some(BlockStatus::ExtractFailed),
            // The load was committed.
            ErrorName::ProviderMalformed => Some(status),
            _ if !status.has_done(Step::Extract) => Some(status),
            _ => Some(BlockStatus::LoadFailed),
        }
    }

    fn is_end_of_block(_: BlockStatus) -> bool {
        false
    }

    fn add_to(item: &mut BlockItem, output: SyncDbOutput) {
        item.sync_db = Some(output);
    }
}

/// Whether trips of the block are in the table, or it is known to have none, and nothing has come
/// since that a request would have to bring again.
fn was_loaded(step: &ClaimedStep<'_>) -> bool {
    let row = step.claim.row();
    row.status.has_done(Step::SyncDb)
        || row.status == BlockStatus::LoadFailed && row.loaded_at.is_some()
}

/// The error of a load that has changed nothing. A file says nothing about the block, which keeps
/// its status and message.
fn of_source(mut error: PipelineError, source: Source<'_>, was_loaded: bool) -> PipelineError {
    if matches!(source, Source::Bucket) {
        if error.name == ErrorName::ArchiveMissing && was_loaded {
            error.message += KEPT_WITHOUT_ARCHIVE;
        }
        return error;
    }
    // It was an archive when the command looked at it, and is another file now.
    if error.name == ErrorName::ArchiveUnreadable {
        error.name = ErrorName::InvalidInput;
        error.message = format!("{}; {NEEDED_FORM}", error.message);
    }
    error.before_start()
}

async fn load(
    step: &mut ClaimedStep<'_>,
    source: Source<'_>,
) -> Result<(Tally, LoadCounts), PipelineError> {
    let (ctx, item) = (step.ctx, step.item);
    let provider = ctx.provider(&step.block.provider)?;
    let [rejects_key, publish_key] =
        [BlockObject::Rejects, BlockObject::Publish].map(|it| step.key(it));
    let archive_key = ArchiveKey::find(step).await?;
    let delivery = Delivery::of(step, source).await?;
    // What the load will replace is looked at, and the database prepares for it, while the archive
    // is on its way.
    let start = async { Ok(step.claim.start_load().await?) };
    let archive = async {
        let opening = source.open_archive(ctx, &archive_key.key, step.block.hour);
        opening.await.map_err(|error| archive_key.explain(error))
    };
    let (archive, rejects_now, publish_now, mut stage) = tokio::try_join!(
        archive,
        still(ctx.vault(), &rejects_key),
        still(ctx.vault(), &publish_key),
        start,
    )?;
    let worker = load_worker(ctx, provider, step.block.hour).await?;
    let OpenArchive { content, report } = archive;
    let survey = delivery.survey(&archive_key, report.as_ref())?;
    let max_loss = provider.config.max_loss;
    let limit = delivery.kept().map(|loaded| (loaded, max_loss));

    let rejects = ctx.vault().create(&rejects_key, Seal::Encrypt);
    let copied = copy_trips(worker, content, survey, source, rejects, &mut stage).await?;
    let Copied {
        tally,
        rejects,
        screened,
        content,
    } = copied;
    let terms = delivery.terms(&archive_key, report.as_ref(), content);
    let terms = match terms.await {
        Ok(terms) => terms,
        Err(error) => {
            rejects.abort().await;
            return Err(error);
        }
    };
    let writing = stage.begin(LoadRequest {
        run_id: item.run_id,
        version: tally.version.clone(),
        fetched: tally.fetched,
        rejected: tally.rejected,
        error_payload: error_payload(&tally),
        is_of_archive: matches!(source, Source::Bucket),
        republish: terms.republish,
        vehicles_of: provider.vehicles_of(tally.version.as_deref()),
        requested_at: terms.requested_at,
        withdraw: provider.config.withdrawals == Withdrawals::Mark && terms.tells_what_is_gone,
        archive: terms.record,
        screened,
    })?;
    let written = write_trips(ctx, &writing, limit, rejects, rejects_now);
    let written = Box::pin(written).await?;
    let mut upsert = writing.end(written);
    // Complete before the commit, so that a loaded block always has its rows to publish.
    let file = write_file(ctx, &step.block, &mut upsert, publish_now).await?;
    let counts = upsert.commit(&file).await?;
    Ok((tally, counts))
}

/// Writes the trips, and makes `rejects.json` visible. With a `limit`, which is the number of
/// loaded trips and the share of them that may be missing, the trips are written first.
async fn write_trips(
    ctx: &Context,
    writing: &Writing<'_>,
    limit: Option<(u64, f64)>,
    rejects: PreparedObject,
    rejects_now: WriteCondition,
) -> Result<WrittenLoad, PipelineError> {
    let fenced = FencedWriter::new(ctx.vault(), writing);
    let Some((loaded, max_loss)) = limit else {
        // Neither is dropped halfway: an upload that nobody waits for may still arrive. The fence
        // is checked by the first message of `rejects`. Later it could find a transaction that the
        // load is about to begin again.
        let rejects = fenced.publish_if(rejects, rejects_now);
        let (written, rejects) = tokio::join!(writing.write(), rejects);
        let (written, _) = (written?, rejects?);
        return Ok(written);
    };
    let written = writing.write().await?;
    if let Some(loss) = Loss::of(Kept::Loaded, loaded, written.withdrawn(), max_loss) {
        rejects.abort().await;
        return Err(loss.error_of_file());
    }
    fenced.publish_if(rejects, rejects_now).await?;
    Ok(written)
}

async fn load_worker(
    ctx: &Context,
    provider: Provider<'_>,
    hour: Hour,
) -> Result<LoadWorker, PipelineError> {
    Ok(LoadWorker {
        hour,
        now: Utc::now(),
        provider_ids: provider.config.provider_ids.clone(),
        feed: provider.config.feed(),
        boundaries: ctx.boundaries().await?,
        ids: ctx.public_id_key()?,
    })
}

/// What has become of an archive's trips once they are in the staging table.
struct Copied {
    tally: Tally,
    /// `rejects.json`, which is complete and not visible yet.
    rejects: PreparedObject,
    screened: Screened,
    /// What the survey has seen.
    content: Option<Content>,
}

/// Copies the archive's trips into the staging table. One thread reads and checks them, a second
/// one encodes them, and this task sends the rows to Postgres.
async fn copy_trips(
    worker: LoadWorker,
    archive: source::Content,
    survey: Option<Survey>,
    source: Source<'_>,
    rejects: ObjectWriter,
    stage: &mut LoadStage<'_>,
) -> Result<Copied, PipelineError> {
    let (trips, batches) = mpsc::channel(BATCHES_IN_FLIGHT);
    let (rows, mut encoded) = mpsc::channel::<Bytes>(PIECES_IN_FLIGHT);
    let checker = Arc::new(worker);
    let encoder = Arc::clone(&checker);
    let checking = spawn_blocking(move || checker.check(archive, trips, rejects, survey));
    let encoding = spawn_blocking(move || encoder.encode(batches, &rows));
    let mut copy = stage.copy().await?;
    let mut copied = Ok(());
    while let Some(piece) = encoded.recv().await {
        copied = copy.send(piece).await;
        if copied.is_err() {
            break;
        }
    }
    // Closes the channel, so that the threads stop after a failure, too.
    drop(encoded);
    copied?;
    // Join the encoder first: if it failed, the checker only sees a closed channel.
    let screened = encoding
        .await
        .map_err(|_| PipelineError::panicked("encoding the trips"))?
        .map_err(|e| PipelineError::from_io("the trips", &e))?;
    let Checked {
        tally,
        rejects,
        content,
    } = checking
        .await
        .map_err(|_| PipelineError::panicked("reading the archive"))?
        .map_err(|e| PipelineError::from_envelope(source.noun(), &e))?;
    let rejects = async { Ok(rejects.prepare().await?) };
    let copied = async { Ok::<_, PipelineError>(copy.finish().await?) };
    let (rejects, _) = tokio::try_join!(rejects, copied)?;
    Ok(Copied {
        tally,
        rejects,
        screened,
        content,
    })
}

/// The error of a load that was committed and has loaded no trip.
fn all_rejected(tally: &Tally, rejects_key: &str) -> PipelineError {
    let most_frequent = tally.reasons.iter().max_by_key(|(_, count)| **count);
    let why = most_frequent.map_or_else(String::new, |(reason, count)| {
        format!(", {count} of them as {reason}")
    });
    PipelineError::new(
        ErrorName::ProviderMalformed,
        format!(
            "all {} rejected{why}; {rejects_key} has each with its reasons",
            counted(tally.rejected, "trip").with("of the hour is", "of the hour are")
        ),
    )
}

fn error_payload(tally: &Tally) -> Option<serde_json::Value> {
    (tally.rejected > 0).then(|| serde_json::json!({ "reasons": tally.reasons }))
}
