//! Tries a bucket out: writes an object, reads it and deletes it.

use crate::error::{Unreadable, VaultError};
use crate::vault::{Seal, Vault};

/// How a trial ended.
#[derive(Debug)]
pub enum Trial {
    /// The object is gone.
    Clean,
    /// The object is still there, because it cannot be deleted.
    Left(VaultError),
}

const CONTENT: &[u8] = b"{\"written_by\": \"mds doctor\"}";

impl Vault {
    /// Writes a small sealed object under `key`, reads it and deletes it, with the version that a
    /// versioned bucket would keep.
    ///
    /// # Errors
    ///
    /// The object cannot be written or read. It is deleted then as well, if that is possible.
    pub async fn try_out(&self, key: &str) -> Result<Trial, VaultError> {
        self.put_bytes(key, CONTENT, Seal::Encrypt).await?;
        let read = self.get_bytes(key).await;
        let deleted = self.delete_whole(key).await;
        if read? != CONTENT {
            return Err(VaultError::unreadable(key, Unreadable::Content));
        }
        Ok(match deleted {
            Ok(()) => Trial::Clean,
            Err(error) => Trial::Left(error),
        })
    }

    async fn delete_whole(&self, key: &str) -> Result<(), VaultError> {
        let version = self.head(key).await?.and_then(|head| head.version_id);
        self.client
            .delete_object()
            .bucket(self.bucket.name())
            .key(key)
            .set_version_id(version)
            .send()
            .await
            .map_err(|error| self.bucket.error(key, error))?;
        Ok(())
    }
}
