//! [`LockSession`], a connection that holds advisory locks, and the keys of those locks.

use deadpool_postgres::{ClientWrapper, Object};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::{StoreError, failed};

/// "MDS" in the high bits keeps our keys apart from those of other programs in the same database.
const KEY_SPACE: i64 = 0x4D_44_53 << 40;

/// A `schedule_id` is at least 1, so no block has this key.
pub(crate) const MIGRATION_KEY: i64 = KEY_SPACE;

/// Postgres keeps locks with two 4-byte keys apart from locks with one 8-byte key, so these spaces
/// never meet the keys above.
pub(crate) const DATASET_SPACE: i32 = 0x4D_44_53;
pub(crate) const VEHICLES_SPACE: i32 = DATASET_SPACE + 1;
pub(crate) const REQUESTS_SPACE: i32 = DATASET_SPACE + 2;

/// The key of the lock on a block.
pub(crate) fn block_key(schedule_id: i64) -> i64 {
    KEY_SPACE | schedule_id
}

/// A connection that may hold advisory locks.
///
/// Dropping it closes the connection, which releases every lock, even if the future that works with
/// it is dropped halfway. After releasing the locks, [`return_to_pool`](Self::return_to_pool) keeps
/// the connection open for the next user.
pub(crate) struct LockSession(Option<Object>);

impl LockSession {
    pub(crate) fn new(object: Object) -> Self {
        Self(Some(object))
    }

    pub(crate) fn client(&self) -> Result<&ClientWrapper, StoreError> {
        self.0.as_deref().ok_or_else(connection_closed)
    }

    pub(crate) fn client_mut(&mut self) -> Result<&mut ClientWrapper, StoreError> {
        self.0.as_deref_mut().ok_or_else(connection_closed)
    }

    /// Runs a statement that returns at most one row.
    pub(crate) async fn query_opt(
        &self,
        doing: &'static str,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, StoreError> {
        let client = self.client()?;
        let statement = client
            .prepare_cached(statement)
            .await
            .map_err(failed(doing))?;
        client
            .query_opt(&statement, parameters)
            .await
            .map_err(failed(doing))
    }

    /// Returns the connection to the pool. The session must not hold a lock any more.
    pub(crate) fn return_to_pool(mut self) {
        drop(self.0.take());
    }
}

impl Drop for LockSession {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

fn connection_closed() -> StoreError {
    StoreError::unavailable("using a claim", "its connection is closed")
}
