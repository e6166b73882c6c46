use crate::error::VaultError;

/// Runs `work` where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    key: &str,
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(VaultError::unavailable(key, error)))
}
