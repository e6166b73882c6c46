//! Locks by name that a claim takes in addition to the lock on its block.

use std::time::Duration;

use crate::claim::Claim;
use crate::error::{Busy, StoreError, failed};
use crate::lock_session::LockSession;

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
        session: &mut LockSession,
        wait: Duration,
        busy: Busy,
    ) -> Result<(), StoreError> {
        let doing = failed("waiting for a lock");
        let limit = format!("{}ms", wait.as_millis().max(1));
        let transaction = session.client_mut()?.transaction().await.map_err(doing)?;
        transaction
            .execute(
                "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', '0', true)",
                &[&limit],
            )
            .await
            .map_err(doing)?;
        // The session holds the lock. The transaction only limits how long these settings apply.
        transaction
            .execute(
                "SELECT pg_advisory_lock($1, hashtext($2))",
                &[&self.space, &self.name],
            )
            .await
            .map_err(|error| match doing(error) {
                StoreError::Busy { .. } => StoreError::Busy { what: busy },
                other => other,
            })?;
        transaction.commit().await.map_err(doing)
    }
}

impl Claim {
    pub(crate) async fn lock(
        &mut self,
        lock: NamedLock,
        wait: Duration,
        busy: Busy,
    ) -> Result<(), StoreError> {
        lock.take(&mut self.session, wait, busy).await?;
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
                    &[&space, &name],
                )
                .await?;
        }
        Ok(())
    }
}
