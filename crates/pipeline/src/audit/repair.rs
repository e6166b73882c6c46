//! Deletes the rows that only the portal has.

use std::collections::BTreeSet;
use std::time::Duration;

use store::PublishTurn;
use trips::words::counted;
use uuid::Uuid;

use crate::context::{Context, Portal};
use crate::error::{ErrorName, PipelineError};
use crate::publish::json::{Deletion, chunk_of_deletions};
use crate::publish::sending::send;
use crate::publish::turn;
use crate::step::step_deadline;

/// How long to wait for another process's upload at a time.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// Deletes rows of the portal by their ids. Returns how many it had.
///
/// A trip that counts by now keeps its row: it may have been loaded and published since the audit.
/// Nobody publishes meanwhile, since the dataset's turn is held.
pub(crate) async fn delete_extra_rows(ctx: &Context, ids: &[String]) -> Result<u64, PipelineError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let portal = ctx.portal()?;
    let deadline = step_deadline(ctx);
    let _lock = turn::lock(&portal, deadline).await?;
    let held = turn::take(ctx, &portal, TURN_WAIT, deadline).await?;
    let work = async |turn: &PublishTurn| delete(ctx, &portal, turn, ids).await;
    let deleted = turn::while_held(held, work).await?;
    tracing::info!(
        portal.deleted = deleted,
        "rows deleted that only the portal had"
    );
    Ok(deleted)
}

async fn delete(
    ctx: &Context,
    portal: &Portal,
    turn: &PublishTurn,
    ids: &[String],
) -> Result<u64, PipelineError> {
    let mut deleted = 0;
    for part in ids.chunks(portal.chunk_rows) {
        let trips: Vec<Uuid> = part.iter().filter_map(|id| id.parse().ok()).collect();
        let live = ctx.store().live_trips(&trips).await?;
        let live: BTreeSet<String> = live.iter().map(|trip| trip.id.to_string()).collect();
        let gone: Vec<String> = part
            .iter()
            .filter(|id| !live.contains(*id))
            .cloned()
            .collect();
        let rows: Vec<_> = gone.iter().map(Deletion::of).collect();
        let chunk = chunk_of_deletions(&rows)?;
        let upsert = send(portal, turn, &chunk, &gone).await?;
        if upsert.errors > 0 {
            return Err(PipelineError::new(
                ErrorName::SocrataRejected,
                format!(
                    "the portal refused to delete {} of dataset {} that only it has (it deleted {})",
                    counted(upsert.errors, "row"),
                    portal.dataset,
                    upsert.deleted
                ),
            ));
        }
        deleted += upsert.deleted;
    }
    Ok(deleted)
}
