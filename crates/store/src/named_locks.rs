//! Locks by name that a claim takes in addition to the lock on its block.

use std::time::Duration;

use tokio_postgres::{Client, Error};

use crate::claim::Claim;
use crate::error::{Busy, StoreError, failed};
use crate::in_order::in_order;
use crate::values::values;

const LIMIT: &str =
    "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', '0', true)";
const LOCK: &str = "SELECT pg_advisory_lock($1, hashtext($2))";

/// An advisory lock whose key is a space and the hash of a name.
pub(crate) struct NamedLock {
    pub(crate) space: i32,
    pub(crate) name: String,
}

impl NamedLock {
    /// Takes the lock for the session, which holds it until it unlocks it or ends. Sessions that
    /// wait get the lock in the order of their requests.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] with `busy` if another session still holds the lock after `wait`;
    /// [`StoreError::Unavailable`] if the connection is lost.
    pub(crate) async fn take(
        &self,
        client: &Client,
        wait: Duration,
        busy: Busy,
    ) -> Result<(), StoreError> {
        self.send(client, wait)
            .await
            .map_err(|error| match failed("waiting for a lock")(error) {
                StoreError::Busy { .. } => StoreError::Busy { what: busy },
                other => other,
            })
    }

    /// The session holds the lock. The transaction only limits how long the settings apply.
    async fn send(&self, client: &Client, wait: Duration) -> Result<(), Error> {
        let limit = format!("{}ms", wait.as_millis().max(1));
        let Self { space, name } = self;
        in_order!(
            client.batch_execute("BEGIN"),
            async { client.execute_typed(LIMIT, values![limit]).await },
            async {
                client
                    .execute_typed(LOCK, values![*space, name.as_str()])
                    .await
            },
            client.batch_execute("COMMIT"),
        )?;
        Ok(())
    }
}

impl Claim {
    pub(crate) async fn lock(
        &mut self,
        lock: NamedLock,
        wait: Duration,
        busy: Busy,
    ) -> Result<(), StoreError> {
        lock.take(self.session.client()?, wait, busy).await?;
        self.named_locks.push(lock);
        Ok(())
    }

    /// Releases the locks taken in addition to the block. The block stays claimed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn unlock_all(&mut self) -> Result<(), StoreError> {
        for NamedLock { space, name } in self.named_locks.drain(..) {
            self.session
                .query_opt(
                    "releasing a lock",
                    "SELECT pg_advisory_unlock($1, hashtext($2))",
                    values![space, name],
                )
                .await?;
        }
        Ok(())
    }
}
