//! [`Work`]: a transaction whose `BEGIN` does not wait for the server.

use deadpool_postgres::ClientWrapper;
use futures::FutureExt;
use tokio_postgres::{Client, Error};

/// A transaction of a connection. Dropping it rolls back.
///
/// Statements that are polled together go out together, and the server works on them in the order
/// of the first polls. So [`begin`](Self::begin) is the first of the futures of an `in_order!` and
/// its fellows are the first statements of the transaction: all of them take one round trip.
pub(crate) struct Work<'c> {
    client: &'c ClientWrapper,
    is_open: bool,
}

impl<'c> Work<'c> {
    /// The exclusive borrow keeps other statements out of the transaction.
    pub(crate) fn new(client: &'c mut ClientWrapper) -> Self {
        Self {
            client,
            is_open: true,
        }
    }

    /// Begins the transaction.
    pub(crate) async fn begin(&self) -> Result<(), Error> {
        self.client.batch_execute(BEGIN).await
    }

    /// Gives up what the transaction has done, so that it can [`begin`](Self::begin) again.
    pub(crate) async fn roll_back(&self) -> Result<(), Error> {
        self.client.batch_execute(ROLLBACK).await
    }

    /// For statements of the transaction.
    pub(crate) fn client(&self) -> &Client {
        self.client
    }

    /// For statements of the transaction that the connection keeps prepared.
    pub(crate) fn wrapper(&self) -> &ClientWrapper {
        self.client
    }

    /// Commits. If this fails, the transaction may be committed nevertheless.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.is_open = false;
        self.client.batch_execute("COMMIT").await
    }
}

const ROLLBACK: &str = "ROLLBACK";

/// Sorts and hashes stay in memory: an hour of 100,000 trips needs about 40 MB. This is a limit, so
/// a small block uses no more than without it.
///
/// A prepared statement is read once and planned each time: a plan for the tables of an hour ago
/// may be a bad one. This is no setting of the session, because there it would apply to the checks
/// of foreign keys, too. Each new block of a plan has one, and planning it takes twice as long as
/// the check itself.
pub(crate) const BEGIN: &str =
    "BEGIN; SET LOCAL work_mem = '64MB'; SET LOCAL plan_cache_mode = 'force_custom_plan'";

/// For a prepared statement: its plan is kept from the first execution on. The plan finds rows by
/// an index and joins by hashes, except where the statement leaves no choice. So it suits tables of
/// every size, also one that has grown since.
pub(crate) const KEEP_PLAN: &str = "
    SET LOCAL plan_cache_mode = 'force_generic_plan';
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_nestloop = off;
    SET LOCAL enable_mergejoin = off";

/// For a statement that joins many rows with a whole table: a merge join would sort all of them
/// first.
pub(crate) const NO_MERGE_JOINS: &str = "SET LOCAL enable_mergejoin = off";

/// What follows is planned each time again, with all means.
pub(crate) const PLAN_ANEW: &str = "
    SET LOCAL plan_cache_mode = 'force_custom_plan';
    SET LOCAL enable_seqscan TO DEFAULT;
    SET LOCAL enable_nestloop TO DEFAULT;
    SET LOCAL enable_mergejoin TO DEFAULT";

impl Drop for Work<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // The first poll sends it. Whatever the connection does next comes after it.
            let _ = self.client.batch_execute(ROLLBACK).now_or_never();
        }
    }
}
