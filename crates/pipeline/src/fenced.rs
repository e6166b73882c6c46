//! [`FencedWriter`]: objects of a claimed block become visible only while the claim is held.

use serde::Serialize;
use store::Fence;
use vault::{ObjectInfo, ObjectWriter, PreparedObject, Seal, Vault, WriteCondition};

use crate::error::PipelineError;

/// Writes the objects of a claimed block.
///
/// A worker may lose its claim without noticing, and another one may work on the block meanwhile.
/// So, before an object becomes visible, a statement on the claim's own connection has to succeed.
/// The object then replaces only what was in the bucket while the claim was held: whatever another
/// worker writes after that statement stays.
pub(crate) struct FencedWriter<'a, F> {
    vault: &'a Vault,
    claim: &'a F,
}

impl<'a, F: Fence> FencedWriter<'a, F> {
    pub(crate) fn new(vault: &'a Vault, claim: &'a F) -> Self {
        Self { vault, claim }
    }

    /// Makes an object visible in the place of what the bucket has under its key now.
    pub(crate) async fn publish(
        &self,
        object: PreparedObject,
    ) -> Result<ObjectInfo, PipelineError> {
        match still(self.vault, &object.info().key).await {
            Ok(condition) => self.publish_if(object, condition).await,
            Err(error) => {
                object.abort().await;
                Err(error)
            }
        }
    }

    /// Makes an object visible under a condition that was true while the claim was held.
    pub(crate) async fn publish_if(
        &self,
        object: PreparedObject,
        condition: WriteCondition,
    ) -> Result<ObjectInfo, PipelineError> {
        if let Err(lost) = self.claim.check().await {
            object.abort().await;
            return Err(lost.into());
        }
        Ok(object.publish(condition).await?)
    }

    /// Completes an object and makes it visible.
    pub(crate) async fn finish(&self, writer: ObjectWriter) -> Result<ObjectInfo, PipelineError> {
        self.publish(writer.prepare().await?).await
    }

    /// As [`FencedWriter::finish`], under a condition that was true while the claim was held.
    pub(crate) async fn finish_if(
        &self,
        writer: ObjectWriter,
        condition: WriteCondition,
    ) -> Result<ObjectInfo, PipelineError> {
        self.publish_if(writer.prepare().await?, condition).await
    }

    /// Writes a value as JSON, encrypted, under a condition that was true while the claim was held.
    pub(crate) async fn put_json_if(
        &self,
        key: &str,
        value: &(impl Serialize + Sync),
        condition: WriteCondition,
    ) -> Result<ObjectInfo, PipelineError> {
        let object = self.vault.prepare_json(key, value, Seal::Encrypt).await?;
        self.publish_if(object, condition).await
    }

    /// Writes a value as JSON, encrypted.
    pub(crate) async fn put_json(
        &self,
        key: &str,
        value: &(impl Serialize + Sync),
    ) -> Result<ObjectInfo, PipelineError> {
        let object = self.vault.prepare_json(key, value, Seal::Encrypt).await?;
        self.publish(object).await
    }

    /// Copies an object if it still has this entity tag.
    pub(crate) async fn copy(
        &self,
        from: &str,
        etag: Option<&str>,
        to: &str,
    ) -> Result<(), PipelineError> {
        self.claim.check().await?;
        Ok(self.vault.copy(from, etag, to).await?)
    }
}

/// The condition that an object is still what the bucket has under its key now. Whoever holds the
/// claim can look at this while other work waits, long before the object is ready.
pub(crate) async fn still(vault: &Vault, key: &str) -> Result<WriteCondition, PipelineError> {
    Ok(WriteCondition::still(vault.head(key).await?.as_ref()))
}

#[cfg(test)]
mod tests;
