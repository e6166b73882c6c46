//! One state of the database for all that a report reads, and what it tells the next report.

use chrono::{DateTime, Utc};
use deadpool_postgres::{Object, Transaction};
use tokio_postgres::{IsolationLevel, Row};

use crate::error::{StoreError, failed};
use crate::schedule::get;

/// Which changes of trips a report has seen. `modified_date` alone cannot tell: it is the start of
/// the transaction that changed the trip, which may be committed long after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When the report was made. Changes with a later `modified_date` are new.
    pub made_at: DateTime<Utc>,
    /// Changes with an earlier `modified_date` had all been committed: the report has seen them.
    /// `None` for reports from before this was recorded.
    pub settled_until: Option<DateTime<Utc>>,
    /// Postgres's `pg_snapshot`: which transactions the report has seen. It decides about the
    /// changes between the two times.
    pub snapshot: Option<String>,
}

/// What the start of a transaction may be early by: it is visible to others only a moment later.
const MARGIN: &str = "interval '10 seconds'";

/// The start of the oldest transaction that is open. It is read before the snapshot is taken: what
/// ends in between is in the snapshot. The start is hidden if another role has begun the
/// transaction; a day is longer than any load.
fn settled_until() -> String {
    format!(
        "SELECT least(
             min(xact_start), clock_timestamp(),
             CASE WHEN bool_or(state IS NULL AND has_table_privilege(usesysid, 'api.trips', 'UPDATE'))
                  THEN clock_timestamp() - interval '1 day' END
         ) - {MARGIN} AS settled_until
         FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
}

const SNAPSHOT: &str = "
    SELECT clock_timestamp() AS made_at, pg_current_snapshot()::text AS snapshot,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_transaction,
           pg_export_snapshot() AS exported";

/// A transaction that sees one state of the database, which others can see too.
pub(super) struct Snapshot<'c> {
    pub(super) transaction: Transaction<'c>,
    pub(super) seen: Seen,
    /// Transactions with this number or a later one are not in the snapshot.
    pub(super) next_transaction: i64,
    exported: String,
}

impl<'c> Snapshot<'c> {
    pub(super) async fn take(client: &'c mut Object) -> Result<Self, StoreError> {
        let doing = failed("beginning a report");
        let row = client
            .query_one(&settled_until(), &[])
            .await
            .map_err(doing)?;
        let settled_until = get(&row, "settled_until")?;
        let transaction = begin(client).await?;
        let row = transaction.query_one(SNAPSHOT, &[]).await.map_err(doing)?;
        Ok(Self {
            seen: Seen {
                made_at: get(&row, "made_at")?,
                settled_until,
                snapshot: Some(get(&row, "snapshot")?),
            },
            next_transaction: get(&row, "next_transaction")?,
            exported: get(&row, "exported")?,
            transaction,
        })
    }

    /// A further transaction that sees the same.
    pub(super) async fn join<'o>(
        &self,
        client: &'o mut Object,
    ) -> Result<Transaction<'o>, StoreError> {
        let transaction = begin(client).await?;
        // An identifier of Postgres: digits, letters and hyphens.
        let import = format!(
            "SET TRANSACTION SNAPSHOT '{}'",
            self.exported.replace('\'', "''")
        );
        transaction
            .batch_execute(&import)
            .await
            .map_err(failed("joining the snapshot of a report"))?;
        Ok(transaction)
    }
}

async fn begin(client: &mut Object) -> Result<Transaction<'_>, StoreError> {
    client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(failed("beginning a report"))
}

impl Seen {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            made_at: get(row, "made_at")?,
            settled_until: get(row, "settled_until")?,
            snapshot: get(row, "snapshot")?,
        })
    }
}
