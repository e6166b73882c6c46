//! [`Claim`]: the lock that one worker holds on a block.

use chrono::{DateTime, Utc};
use futures::try_join;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{Busy, StoreError, failed};
use crate::lock_session::{LockSession, block_key};
use crate::named_locks::NamedLock;
use crate::runs::{self, BlockEnd};
use crate::schedule::{ScheduleRow, get, schedule_columns};
use crate::values::values;

/// What is to be known of the session is asked beside the lock: it costs nothing more there.
const LOCK: &str = "
    SELECT pg_try_advisory_lock($1) AS locked, pg_backend_pid() AS pid,
           pg_table_size(to_regclass('pg_temp.incoming')) AS stage_bytes";

const READ: &str = concat!(
    "SELECT ",
    schedule_columns!(),
    " FROM api.schedule s JOIN api.providers p USING (provider_id) WHERE s.schedule_id = $1"
);

const SETTLE: &str = "
    UPDATE api.schedule SET side_data_since = NULL WHERE schedule_id = $1 AND side_data_since IS NOT NULL";

/// A block that one worker has locked.
///
/// A claim is an advisory lock of its own connection, and all work on the block goes through that
/// connection. If the connection breaks, the database releases the lock and every further call
/// fails, so a worker that has lost its claim can't change anything.
///
/// Dropping a claim closes its connection. [`release`](Self::release) returns it to the pool.
pub struct Claim {
    pub(crate) store: Store,
    pub(crate) session: LockSession,
    pub(crate) row: ScheduleRow,
    /// Locks that the session holds in addition to the lock on the block.
    pub(crate) named_locks: Vec<NamedLock>,
    /// The size of the session's temporary table for the rows of a load; `None` if it has none.
    pub(crate) stage_bytes: Option<i64>,
    /// Whether nothing of what the provider keeps apart from the trips is left to be requested.
    settles_side_data: bool,
    run_planned_at: Option<DateTime<Utc>>,
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
        self.claim_in_run(schedule_id, Uuid::nil()).await
    }

    /// As [`claim`](Self::claim), and reads when the run was planned.
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim).
    pub async fn claim_in_run(&self, schedule_id: i64, run_id: Uuid) -> Result<Claim, StoreError> {
        let (client, permit) = self.client_for_claim().await?;
        let mut session = LockSession::new(client);
        let key = block_key(schedule_id);
        let client = session.client()?;
        // The server reads the row after it has given the lock: before that, another worker may
        // still change it.
        let (lock, row, planned_at) = try_join!(
            async { client.query_typed_one(LOCK, values![key]).await },
            async { client.query_typed_opt(READ, values![schedule_id]).await },
            async {
                client
                    .query_typed_opt(runs::PLANNED_AT, values![run_id])
                    .await
            },
        )
        .map_err(failed("claiming a block"))?;
        session.show_life(&self.life, get(&lock, "pid")?);
        if !get::<bool>(&lock, "locked")? {
            self.life.end_silent_holder(session.client()?, key).await?;
            session.return_to_pool();
            return Err(StoreError::Busy {
                what: Busy::Block { schedule_id },
            });
        }
        let row = row.ok_or(StoreError::UnknownBlock { schedule_id })?;
        Ok(Claim {
            store: self.clone(),
            row: ScheduleRow::read(&row)?,
            stage_bytes: get(&lock, "stage_bytes")?,
            run_planned_at: planned_at.map(|row| get(&row, "created_at")).transpose()?,
            session,
            settles_side_data: false,
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

    /// When the run was planned in which the block was claimed; `None` if there is no such run.
    #[must_use]
    pub fn run_planned_at(&self) -> Option<DateTime<Utc>> {
        self.run_planned_at
    }

    /// Records how the block ended in a run, and releases it as [`release`](Self::release) does.
    ///
    /// # Errors
    ///
    /// As [`Store::record_outcome`].
    pub async fn release_with(self, run_id: Uuid, end: BlockEnd<'_>) -> Result<(), StoreError> {
        let client = self.session.client()?;
        try_join!(
            self.settle(),
            runs::record(client, run_id, self.row.schedule_id, end),
            self.unlock(),
        )?;
        self.session.return_to_pool();
        Ok(())
    }

    /// Notes that the provider has been requested for the vehicles and the telemetry of the trips.
    /// The block's row tells once the block is released, beside the release.
    pub fn settle_side_data(&mut self) {
        self.settles_side_data = self.row.side_data_since.is_some();
    }

    async fn settle(&self) -> Result<(), StoreError> {
        if !self.settles_side_data {
            return Ok(());
        }
        let (client, schedule_id) = (self.session.client()?, self.row.schedule_id);
        let settled = client.execute_typed(SETTLE, values![schedule_id]).await;
        settled.map_err(failed("recording that vehicles were requested"))?;
        Ok(())
    }

    async fn unlock(&self) -> Result<(), StoreError> {
        let client = self.session.client()?;
        let unlocked = client
            .batch_execute("SELECT pg_advisory_unlock_all()")
            .await;
        unlocked.map_err(failed("releasing a block"))
    }

    /// Releases the block and all locks, and returns the connection to the pool.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection is broken. The block is released in that case
    /// too.
    pub async fn release(self) -> Result<(), StoreError> {
        try_join!(self.settle(), self.unlock())?;
        self.session.return_to_pool();
        Ok(())
    }
}
