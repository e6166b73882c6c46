//! The locks on the blocks whose rows an upload carries.

use std::collections::HashSet;

use futures::try_join;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Publication, PublishTurn};
use crate::error::{StoreError, failed};
use crate::lock_session::block_key;
use crate::schedule::get;
use crate::values::values;

/// Takes those of the locks `$1` that are free, and returns them.
const LOCK_BLOCKS: &str =
    "SELECT key FROM unnest($1::bigint[]) AS key WHERE pg_try_advisory_lock(key)";
const UNLOCK_BLOCKS: &str = "SELECT pg_advisory_unlock(key) FROM unnest($1::bigint[]) AS key";

/// Finds the entries that are still as they were read.
const ENTRIES: &str = "
    SELECT p.schedule_id FROM api.publications p
    JOIN unnest($1::bigint[], $2::uuid[], $3::timestamptz[]) AS it (schedule_id, load_id, since)
        ON p.schedule_id = it.schedule_id AND p.load_id = it.load_id AND p.since = it.since";

impl PublishTurn {
    /// Locks blocks, so that nobody replaces their objects while they are read. Returns those that
    /// were free and whose entries are still these, in their order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the turn, is lost.
    pub async fn lock_blocks(
        &self,
        publications: &[Publication],
    ) -> Result<Vec<Publication>, StoreError> {
        let client = self.session.client()?;
        let keys = keys(publications);
        let blocks: Vec<i64> = publications.iter().map(|it| it.schedule_id).collect();
        let loads: Vec<Uuid> = publications.iter().map(|it| it.load_id).collect();
        let sinces: Vec<_> = publications.iter().map(|it| it.since).collect();
        let doing = failed("locking the blocks to publish");
        // The entries are read after the locks are taken: before that, a load may change them.
        let (locked, entries) = try_join!(
            async { client.query_typed(LOCK_BLOCKS, values![keys]).await },
            async {
                client
                    .query_typed(ENTRIES, values![blocks, loads, sinces])
                    .await
            },
        )
        .map_err(doing)?;
        let locked: HashSet<i64> = column(&locked)?;
        let entries: HashSet<i64> = column(&entries)?;
        let (unchanged, changed): (Vec<_>, Vec<_>) = publications
            .iter()
            .filter(|it| locked.contains(&block_key(it.schedule_id)))
            .cloned()
            .partition(|it| entries.contains(&it.schedule_id));
        self.unlock_blocks(&changed).await?;
        Ok(unchanged)
    }

    /// Releases blocks that [`lock_blocks`](Self::lock_blocks) has locked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the turn, is lost.
    pub async fn unlock_blocks(&self, publications: &[Publication]) -> Result<(), StoreError> {
        if publications.is_empty() {
            return Ok(());
        }
        let client = self.session.client()?;
        let keys = keys(publications);
        let unlocked = client.query_typed(UNLOCK_BLOCKS, values![keys]).await;
        unlocked.map_err(failed("releasing blocks"))?;
        Ok(())
    }
}

/// The keys of the locks on the blocks of publications.
fn keys(publications: &[Publication]) -> Vec<i64> {
    let blocks = publications.iter().map(|it| it.schedule_id);
    blocks.map(block_key).collect()
}

fn column(rows: &[Row]) -> Result<HashSet<i64>, StoreError> {
    rows.iter().map(|row| get(row, 0)).collect()
}
