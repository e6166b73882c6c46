//! Publishing: the portal works on one upload at a time, so whoever has the turn uploads the rows
//! of every block that somebody waits for. The others find their blocks published.
//!
//! What the portal must receive is in the ledger `api.publications`. A process that is killed
//! between an upload and its record sends the same rows again, which an upsert absorbs.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use socrata::Upsert;
use store::{PublicationEntry, PublicationState, PublishTurn, StoreError};
use tokio::time::{Instant, sleep};
use trips::block::{Block, BlockObject};
use trips::status::Step;
use trips::time::CivilZone;
use uuid::Uuid;

use self::file::write_file;
use self::upload::{upload_trips, upload_waiting};
use crate::context::{Context, Portal};
use crate::error::{ErrorName, PipelineError};
use crate::event::{BlockItem, SyncSocrataOutput};
use crate::fenced::still;
use crate::step::{check_same_block, claim, step_deadline};

mod batch;
pub(crate) mod dataset;
pub(crate) mod file;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gather;
pub(crate) mod json;
mod open;
pub(crate) mod refusals;
pub(crate) mod rows;
pub(crate) mod sending;
pub(crate) mod turn;
mod upload;
pub(crate) mod waiters;

/// How long to wait for another process's upload before looking whether it carried our rows.
const TURN_WAIT: Duration = Duration::from_secs(1);
/// How long to wait before the next try, if nobody could carry our rows.
const TURN_PAUSE: Duration = Duration::from_millis(100);

/// What the portal counted of a block's rows: column `socrata_status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) deleted: u64,
    pub(crate) errors: u64,
}

impl Counts {
    /// The counts of a block's last upload. Older tools stored other JSON here.
    fn read(column: Option<Value>) -> Self {
        column
            .and_then(|json| serde_json::from_value(json).ok())
            .unwrap_or_default()
    }

    /// Takes the counts of so many written and deleted rows from those of an upload.
    fn take_share(&mut self, left: &mut Upsert, written: u64, deletions: u64) {
        let take = |rows: u64, from: &mut u64, to: &mut u64| {
            let share = rows.min(*from);
            *from -= share;
            *to += share;
            rows - share
        };
        let written = take(written, &mut left.created, &mut self.created);
        take(written, &mut left.updated, &mut self.updated);
        take(deletions, &mut left.deleted, &mut self.deleted);
    }

    fn output(self) -> SyncSocrataOutput {
        SyncSocrataOutput {
            created: self.created,
            updated: self.updated,
            deleted: self.deleted,
            errors: self.errors,
        }
    }
}

/// Waits until the portal has everything of the block, by an upload of this process or of another.
pub(crate) async fn publish_block(
    ctx: &Context,
    item: &BlockItem,
) -> Result<SyncSocrataOutput, PipelineError> {
    let portal = ctx.portal()?;
    let deadline = step_deadline(ctx);
    let state = loaded_block(ctx, item).await?;
    enter_if_missing(ctx, item, &state, deadline).await?;
    let is_pending = ctx
        .store()
        .request_publication(item.schedule_id, item.run_id, item.force)
        .await?;
    let mut is_known_to_wait = is_pending;
    loop {
        let published = published_in_turn(ctx, &portal, item, is_known_to_wait, deadline);
        if let Some(output) = published.await? {
            return Ok(output);
        }
        is_known_to_wait = false;
        if Instant::now() >= deadline {
            return Err(busy(&portal.dataset));
        }
        // Another process uploads, or the block is being loaded.
        sleep(TURN_PAUSE).await;
    }
}

/// One look, and if that is not enough one upload, while no other block of this process does so.
/// The lock within this process comes first: waiting for it costs no connection. What was known to
/// wait just now is not looked at again, if nobody else has the lock.
async fn published_in_turn(
    ctx: &Context,
    portal: &Portal,
    item: &BlockItem,
    is_known_to_wait: bool,
    deadline: Instant,
) -> Result<Option<SyncSocrataOutput>, PipelineError> {
    let at_once = turn::lock_at_once(portal);
    let is_known_to_wait = is_known_to_wait && at_once.is_some();
    let _lock = match at_once {
        Some(lock) => lock,
        None => {
            let waiter = portal.waiters.add(item.schedule_id);
            tokio::select! {
                lock = turn::lock(portal, deadline) => lock?,
                () = waiter.wait() => return ended(ctx, item).await,
            }
        }
    };
    if !is_known_to_wait && let Some(output) = ended(ctx, item).await? {
        return Ok(Some(output));
    }
    // Within the lock, so that not every block asks a portal that refuses it.
    portal.check_dataset().await?;
    let uploaded = upload_in_turn(ctx, portal, item).await;
    match ended(ctx, item).await {
        Ok(Some(output)) => {
            if let Err(failure) = uploaded {
                warn_of_others(&failure);
            }
            Ok(Some(output))
        }
        not_ended => uploaded.and(not_ended),
    }
}

/// An upload for other blocks has failed once that of the step was recorded. They meet the failure
/// by themselves, if it lasts.
fn warn_of_others(failure: &PipelineError) {
    tracing::warn!(
        error.name = %failure.name,
        error.message = %failure.message,
        "upload for other blocks failed; the rows of this one are published"
    );
}

/// What is known about the item's block, of which something must be loaded. A forced upload covers
/// the trips of an earlier load, too, whatever has become of the block since: they are at the
/// portal, and nothing else replaces their rows before the next load.
async fn loaded_block(ctx: &Context, item: &BlockItem) -> Result<PublicationState, PipelineError> {
    let state = ctx.store().publication(item.schedule_id).await?;
    check_same_block(item, &state.block)?;
    if is_loaded(&state) || item.force && state.has_trips {
        Ok(state)
    } else {
        Err(not_loaded(&state.block, ctx.zone()))
    }
}

/// Sends these trips of the block, by public id, as they are loaded. What the portal must receive
/// besides stays in the ledger.
///
/// # Errors
///
/// `InvalidInput` if one of them is not a trip of the block.
pub(crate) async fn publish_trips(
    ctx: &Context,
    item: &BlockItem,
    ids: &[Uuid],
) -> Result<SyncSocrataOutput, PipelineError> {
    let portal = ctx.portal()?;
    let deadline = step_deadline(ctx);
    loaded_block(ctx, item).await?;
    portal.check_dataset().await?;
    let _lock = turn::lock(&portal, deadline).await?;
    let held = turn::take(ctx, &portal, TURN_WAIT, deadline).await?;
    let work = async |turn: &PublishTurn| upload_trips(ctx, &portal, turn, item, ids).await;
    turn::while_held(held, work).await.map(Counts::output)
}

/// Whether something of the block is loaded, or what was loaded is withdrawn.
fn is_loaded(state: &PublicationState) -> bool {
    state.status.has_done(Step::SyncDb)
        || state.entry.as_ref().is_some_and(|entry| entry.is_pending)
}

/// Enters a block that was loaded before there was a ledger.
async fn enter_if_missing(
    ctx: &Context,
    item: &BlockItem,
    state: &PublicationState,
    deadline: Instant,
) -> Result<(), PipelineError> {
    let owns_rows = state.status.has_done(Step::SyncDb) || item.force && state.has_trips;
    if state.entry.is_some() || !owns_rows {
        return Ok(());
    }
    let mut claim = claim(ctx, item, deadline).await?;
    let now = still(ctx.vault(), &ctx.key(&state.block, BlockObject::Publish)).await?;
    let mut entering = claim.enter_publication().await?;
    let file = write_file(ctx, &state.block, &mut entering, now).await?;
    entering.commit(&file).await?;
    Ok(claim.release().await?)
}

/// The output of the step, once the portal needs nothing of the block.
async fn ended(
    ctx: &Context,
    item: &BlockItem,
) -> Result<Option<SyncSocrataOutput>, PipelineError> {
    let state = ctx.store().publication(item.schedule_id).await?;
    match &state.entry {
        Some(PublicationEntry {
            refusal: Some((name, message)),
            is_pending: true,
            ..
        }) => Err(PipelineError::new(
            ErrorName::ALL
                .into_iter()
                .find(|known| known.as_str() == name)
                .unwrap_or(ErrorName::SocrataRejected),
            message.clone(),
        )),
        Some(entry) if entry.is_pending => Ok(None),
        _ => {
            if !state.is_settled() {
                ctx.store().settle_publication(item.schedule_id).await?;
            }
            Ok(Some(Counts::read(state.counts).output()))
        }
    }
}

async fn upload_in_turn(
    ctx: &Context,
    portal: &Portal,
    item: &BlockItem,
) -> Result<(), PipelineError> {
    let Some(held) = turn::try_take(ctx, portal, TURN_WAIT).await? else {
        return Ok(());
    };
    let work = async |turn: &PublishTurn| upload_waiting(ctx, portal, turn, item.schedule_id).await;
    turn::while_held(held, work).await
}

pub(crate) fn busy(dataset: &str) -> PipelineError {
    StoreError::Busy {
        what: store::Busy::Dataset {
            dataset: dataset.to_owned(),
        },
    }
    .into()
}

/// The error of a request to publish a block that is not loaded: `ArchiveMissing`.
#[must_use]
pub fn not_loaded(block: &Block, zone: &CivilZone) -> PipelineError {
    PipelineError::new(
        ErrorName::ArchiveMissing,
        format!(
            "nothing of {} is loaded, so there is nothing to publish: run sync-db first",
            block.name(zone)
        ),
    )
}
