//! Sessions that hold advisory locks.

use deadpool_postgres::{ClientWrapper, Object};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::{StoreError, failed};

/// Sets our locks apart from those of other programs on the same database: "MDS" in the key's high
/// bits.
const KEY_SPACE: i64 = 0x4D_44_53 << 40;

/// Ids start at 1, so 0 is free.
pub(crate) const MIGRATION_KEY: i64 = KEY_SPACE;

/// Locks of two 4-byte keys live apart from those of one 8-byte key.
pub(crate) const DATASET_SPACE: i32 = 0x4D_44_53;
pub(crate) const VEHICLES_SPACE: i32 = DATASET_SPACE + 1;

pub(crate) fn block_key(schedule_id: i64) -> i64 {
    KEY_SPACE | schedule_id
}

/// A connection that may hold locks. Unless it is given back after they are released, it is closed,
/// which releases them: also when the future that works with it is dropped half-way.
pub(crate) struct LockSession(Option<Object>);

impl LockSession {
    pub(crate) fn new(object: Object) -> Self {
        Self(Some(object))
    }

    pub(crate) fn client(&self) -> Result<&ClientWrapper, StoreError> {
        self.0.as_deref().ok_or_else(gone)
    }

    pub(crate) fn client_mut(&mut self) -> Result<&mut ClientWrapper, StoreError> {
        self.0.as_deref_mut().ok_or_else(gone)
    }

    /// A statement that answers one row at most.
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

    /// Back to the pool, for a session without locks.
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

fn gone() -> StoreError {
    StoreError::unavailable("using a claim", "its connection is gone")
}
