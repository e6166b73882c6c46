//! [`LockSession`], a connection that holds advisory locks, and the keys of those locks.

use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use tokio_postgres::Row;

use crate::error::{StoreError, failed};
use crate::life::{Life, ShownLife};
use crate::schedule::get;
use crate::values::{Parameter, values};

/// "MDS" in the high bits keeps our keys apart from those of other programs in the same database.
const KEY_SPACE: i64 = 0x4D_44_53 << 40;

/// A `schedule_id` is at least 1, so no block has this key.
pub(crate) const MIGRATION_KEY: i64 = KEY_SPACE;

/// Postgres keeps locks with two 4-byte keys apart from locks with one 8-byte key, so these spaces
/// never meet the keys above.
pub(crate) const DATASET_SPACE: i32 = 0x4D_44_53;
pub(crate) const VEHICLES_SPACE: i32 = DATASET_SPACE + 1;
pub(crate) const REQUESTS_SPACE: i32 = DATASET_SPACE + 2;

/// Limits how long the session may be idle, in a transaction and outside of one. Postgres before
/// version 14 does not know the latter setting.
const LIMIT_SILENCE: &str = "
    SELECT pg_backend_pid() AS pid, count(set_config(name, $1, false))
    FROM (VALUES ('idle_in_transaction_session_timeout'), ('idle_session_timeout')) AS setting (name)
    WHERE current_setting(name, true) IS NOT NULL";

/// Releases all locks of the session, which may then be idle in the pool, with the limits of every
/// other session there.
const GIVE_BACK: &str = "
    SELECT pg_advisory_unlock_all();
    SELECT set_config('idle_in_transaction_session_timeout', '10min', false);
    SELECT set_config('idle_session_timeout', '0', false)
    WHERE current_setting('idle_session_timeout', true) IS NOT NULL";

/// The key of the lock on a block.
pub(crate) fn block_key(schedule_id: i64) -> i64 {
    KEY_SPACE | schedule_id
}

/// A connection that may hold advisory locks.
///
/// Dropping it closes the connection, which releases every lock, even if the future that works with
/// it is dropped halfway. After releasing the locks, [`return_to_pool`](Self::return_to_pool) keeps
/// the connection open for the next user.
pub(crate) struct LockSession {
    object: Option<Object>,
    life: Option<ShownLife>,
}

impl LockSession {
    pub(crate) fn new(object: Object) -> Self {
        Self {
            object: Some(object),
            life: None,
        }
    }

    /// Shows for this session, whose process at the server is `pid`, that this process is alive.
    pub(crate) fn show_life(&mut self, life: &Life, pid: i32) {
        self.life = Some(life.of_session(pid));
    }

    pub(crate) fn client(&self) -> Result<&ClientWrapper, StoreError> {
        self.object.as_deref().ok_or_else(connection_closed)
    }

    pub(crate) fn client_mut(&mut self) -> Result<&mut ClientWrapper, StoreError> {
        self.object.as_deref_mut().ok_or_else(connection_closed)
    }

    /// Runs a statement that returns at most one row.
    pub(crate) async fn query_opt(
        &self,
        doing: &'static str,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Option<Row>, StoreError> {
        let client = self.client()?;
        let row = client.query_typed_opt(statement, parameters).await;
        row.map_err(failed(doing))
    }

    /// Releases all locks, and returns the connection to the pool without the limits of
    /// [`limit_silence`].
    pub(crate) async fn give_back(self) -> Result<(), StoreError> {
        self.client()?
            .batch_execute(GIVE_BACK)
            .await
            .map_err(failed("releasing locks"))?;
        self.return_to_pool();
        Ok(())
    }

    /// Returns the connection to the pool. The session must not hold a lock any more.
    pub(crate) fn return_to_pool(mut self) {
        self.life = None;
        drop(self.object.take());
    }
}

impl Drop for LockSession {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

/// Lets the server end the session of this client once it is silent for too long. Returns the
/// session's number at the server.
pub(crate) async fn limit_silence(
    client: &ClientWrapper,
    max_silence: Duration,
) -> Result<i32, StoreError> {
    let doing = failed("limiting the silence of a session");
    let limit = format!("{}ms", max_silence.as_millis().max(1));
    let row = client
        .query_typed_one(LIMIT_SILENCE, values![limit])
        .await
        .map_err(doing)?;
    get(&row, "pid")
}

fn connection_closed() -> StoreError {
    StoreError::unavailable("using a claim", "its connection is closed")
}
