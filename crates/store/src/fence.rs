//! [`Fence`]: whether a worker still holds its claim.

use crate::claim::Claim;
use crate::error::{StoreError, failed};

/// Any statement will do: it fails if the connection is lost.
pub(crate) const STATEMENT: &str = "SELECT 1";
pub(crate) const DOING: &str = "checking a claim";

/// A claim, or work that is in progress on it.
///
/// The database cannot be changed by a worker that has lost its claim, but the bucket can: an
/// object is written to another server. So a worker asks here before an object becomes visible.
pub trait Fence: Sync {
    /// Checks that the claim is held, by a statement on its own connection.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    fn check(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl Fence for Claim {
    async fn check(&self) -> Result<(), StoreError> {
        let client = self.session.client()?;
        client.batch_execute(STATEMENT).await.map_err(failed(DOING))
    }
}
