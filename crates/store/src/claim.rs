//! [`Claim`]: the lock that one worker holds on a block.

use tokio::sync::OwnedSemaphorePermit;

use crate::connect::Store;
use crate::error::{Busy, StoreError, failed};
use crate::lock_session::{LockSession, block_key};
use crate::named_locks::NamedLock;
use crate::schedule::{ScheduleRow, get, schedule_columns};

/// A block that one worker has locked.
///
/// A claim is an advisory lock of its own connection, and all work on the block goes through that
/// connection. If the connection breaks, the database releases the lock and every further call
/// fails, so a worker that has lost its claim can't change anything.
///
/// Dropping a claim closes its connection. [`release`](Self::release) returns it to the pool.
pub struct Claim {
    pub(crate) session: LockSession,
    pub(crate) row: ScheduleRow,
    /// Locks that the session holds in addition to the lock on the block.
    pub(crate) named_locks: Vec<NamedLock>,
    _permit: OwnedSemaphorePermit,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim")
            .field("schedule_id", &self.row.schedule_id)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Locks a block without waiting, and reads its row of `api.schedule`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if another worker holds the block, [`StoreError::UnknownBlock`],
    /// [`StoreError::Unavailable`], also if no connection becomes free in time.
    pub async fn claim(&self, schedule_id: i64) -> Result<Claim, StoreError> {
        let (client, permit) = self.client_for_claim().await?;
        let mut session = LockSession::new(client);
        let taken = session
            .query_opt(
                "claiming a block",
                "SELECT pg_try_advisory_lock($1) AS locked, pg_backend_pid() AS pid",
                &[&block_key(schedule_id)],
            )
            .await?
            .map(|row| Ok((get::<bool>(&row, "locked")?, get::<i32>(&row, "pid")?)))
            .transpose()?;
        if let Some((_, pid)) = taken {
            session.show_life(&self.life, pid);
        }
        if !taken.is_some_and(|(locked, _)| locked) {
            let key = block_key(schedule_id);
            self.life.end_silent_holder(session.client()?, key).await?;
            session.return_to_pool();
            return Err(StoreError::Busy {
                what: Busy::Block { schedule_id },
            });
        }
        // Read the row after taking the lock: before that, another worker may still change it.
        let row = session
            .query_opt(
                "reading a claimed block",
                concat!(
                    "SELECT ",
                    schedule_columns!(),
                    " FROM api.schedule s JOIN api.providers p USING (provider_id) WHERE s.schedule_id = $1"
                ),
                &[&schedule_id],
            )
            .await?
            .ok_or(StoreError::UnknownBlock { schedule_id })?;
        Ok(Claim {
            row: ScheduleRow::read(&row)?,
            session,
            named_locks: Vec::new(),
            _permit: permit,
        })
    }
}

impl Claim {
    /// The block's row, as read when the block was claimed or last changed through this claim.
    #[must_use]
    pub fn row(&self) -> &ScheduleRow {
        &self.row
    }

    /// Releases the block and all locks, and returns the connection to the pool.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection is broken. The block is released in that case
    /// too.
    pub async fn release(self) -> Result<(), StoreError> {
        self.session
            .client()?
            .batch_execute("SELECT pg_advisory_unlock_all()")
            .await
            .map_err(failed("releasing a block"))?;
        self.session.return_to_pool();
        Ok(())
    }
}
