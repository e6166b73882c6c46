//! Whether an upload may be sent at this moment.

/// What has to hold while rows are sent, such as a lock.
pub trait MaySend: Sync {
    /// Checks that it still holds. The error says why not.
    fn check(&self) -> impl Future<Output = Result<(), String>> + Send;
}

/// Nothing has to hold.
pub(crate) struct Always;

impl MaySend for Always {
    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}
