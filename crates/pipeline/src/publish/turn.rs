//! The turn at the dataset, without which nothing is sent.
//!
//! The portal knows nothing of turns, so a process that was frozen could go on with an upload that
//! is no longer its own. Its turn belongs to a connection, which the database ends meanwhile. So a
//! statement on this connection has to succeed immediately before anything is sent, each time.

use std::time::Duration;

use socrata::MaySend;
use store::{Fence, MAX_SILENCE, PublishTurn};
use tokio::time::{Instant, timeout_at};

use super::busy;
use crate::context::{Context, Portal};
use crate::error::PipelineError;

/// Takes the turn, unless another process still has it after `wait`.
pub(crate) async fn try_take(
    ctx: &Context,
    portal: &Portal,
    wait: Duration,
) -> Result<Option<PublishTurn>, PipelineError> {
    let turn = ctx
        .store()
        .take_publish_turn(&portal.dataset, wait, MAX_SILENCE)
        .await?;
    Ok(turn)
}

/// Takes the turn. Looks again after each `wait`.
///
/// # Errors
///
/// `BlockBusy` if others have it until the deadline.
pub(crate) async fn take(
    ctx: &Context,
    portal: &Portal,
    wait: Duration,
    deadline: Instant,
) -> Result<PublishTurn, PipelineError> {
    loop {
        if let Some(turn) = try_take(ctx, portal, wait).await? {
            return Ok(turn);
        }
        if Instant::now() >= deadline {
            return Err(busy(&portal.dataset));
        }
    }
}

/// As [`lock`], if that needs no wait.
pub(crate) fn lock_at_once(portal: &Portal) -> Option<tokio::sync::MutexGuard<'_, ()>> {
    portal.lock.try_lock().ok()
}

/// Waits until no other block of this process uploads.
pub(crate) async fn lock(
    portal: &Portal,
    deadline: Instant,
) -> Result<tokio::sync::MutexGuard<'_, ()>, PipelineError> {
    timeout_at(deadline, portal.lock.lock())
        .await
        .map_err(|_| busy(&portal.dataset))
}

/// Does work that needs the turn, and gives the turn back. The work ends when the turn is lost.
pub(crate) async fn while_held<T>(
    turn: PublishTurn,
    work: impl AsyncFnOnce(&PublishTurn) -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    let done = tokio::select! {
        done = work(&turn) => done,
        lost = turn.hold() => Err(lost.into()),
    };
    let released = turn.release().await;
    let done = done?;
    released?;
    Ok(done)
}

/// Lets an upload go out, and go out again, only while the turn is held.
pub(crate) struct HeldTurn<'a>(pub(crate) &'a PublishTurn);

impl MaySend for HeldTurn<'_> {
    async fn check(&self) -> Result<(), String> {
        self.0.check().await.map_err(|lost| lost.to_string())
    }
}
