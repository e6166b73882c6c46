//! Locks by name that a claim takes in addition to the lock on its block.

use std::time::Duration;

use crate::claim::Claim;
use crate::error::{Busy, StoreError, failed};
use crate::lock_session::DATASET_SPACE;

/// An advisory lock whose key is a space and the hash of a name.
pub(crate) struct NamedLock {
    pub(crate) space: i32,
    pub(crate) name: String,
}

impl Claim {
    /// Locks a dataset of the portal, so that only one upload across all processes writes to it.
    ///
    /// Sessions that wait get the lock in the order of their requests. The claim holds the lock
    /// until [`unlock_all`](Self::unlock_all) or until the claim ends.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if another session still holds the lock after `wait`;
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn lock_dataset(&mut self, dataset: &str, wait: Duration) -> Result<(), StoreError> {
        let lock = NamedLock {
            space: DATASET_SPACE,
            name: dataset.to_owned(),
        };
        let busy = Busy::Dataset {
            dataset: dataset.to_owned(),
        };
        self.lock(lock, wait, busy).await
    }

    pub(crate) async fn lock(
        &mut self,
        lock: NamedLock,
        wait: Duration,
        busy: Busy,
    ) -> Result<(), StoreError> {
        let doing = failed("waiting for a lock");
        let limit = format!("{}ms", wait.as_millis().max(1));
        let transaction = self
            .session
            .client_mut()?
            .transaction()
            .await
            .map_err(doing)?;
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
                &[&lock.space, &lock.name],
            )
            .await
            .map_err(|error| match doing(error) {
                StoreError::Busy { .. } => StoreError::Busy { what: busy },
                other => other,
            })?;
        transaction.commit().await.map_err(doing)?;
        self.named_locks.push(lock);
        Ok(())
    }

    /// Releases the locks taken in addition to the block, such as
    /// [`lock_dataset`](Self::lock_dataset)'s. The block stays claimed.
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
