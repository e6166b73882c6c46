//! An object whose bytes are complete, before it becomes visible.

use std::fmt;
use std::io::{Read as _, Seek as _, Write as _};

use bytes::Bytes;
use tempfile::SpooledTempFile;
use tokio::runtime::Handle;

use crate::blocking::blocking;
use crate::error::VaultError;
use crate::write::condition::WriteCondition;
use crate::write::encoding::ObjectInfo;
use crate::write::upload::{Multipart, PART_BYTES, Target, put};

/// Where the full parts of an object are, before the last one is sent.
pub(crate) enum Parts {
    /// No part is full yet.
    None,
    /// They are on their way to the bucket.
    Sent(Multipart),
    /// They are kept here until the object's key is known.
    Held(HeldParts),
}

/// Encoded parts that are kept in memory and, once they are many, in an unlinked temporary file.
pub(crate) struct HeldParts {
    spool: SpooledTempFile,
    parts: u64,
}

impl HeldParts {
    pub(crate) fn new() -> Self {
        Self {
            spool: SpooledTempFile::new(PART_BYTES),
            parts: 0,
        }
    }

    pub(crate) fn push(&mut self, part: &[u8]) -> std::io::Result<()> {
        self.spool.write_all(part)?;
        self.parts += 1;
        Ok(())
    }

    fn rewind(mut self) -> std::io::Result<Self> {
        self.spool.rewind()?;
        Ok(self)
    }

    /// Reads the next part.
    fn next(mut self) -> std::io::Result<(Self, Bytes)> {
        let mut part = vec![0; PART_BYTES];
        self.spool.read_exact(&mut part)?;
        Ok((self, part.into()))
    }
}

/// An object that is encoded to its last byte and not visible yet.
///
/// [`publish`](Self::publish) makes it appear. Dropping it leaves nothing in the bucket.
pub struct PreparedObject {
    pub(crate) target: Target,
    pub(crate) runtime: Option<Handle>,
    pub(crate) parts: Parts,
    pub(crate) rest: Vec<u8>,
    pub(crate) info: ObjectInfo,
}

impl PreparedObject {
    /// What was written; it has no entity tag yet.
    #[must_use]
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// The encoded bytes in their order.
    ///
    /// # Errors
    ///
    /// [`VaultError::Begun`] if the upload has begun, and those of `take`.
    pub(crate) fn pieces(
        self,
        mut take: impl FnMut(&[u8]) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let key = self.target.key;
        match self.parts {
            Parts::None => {}
            Parts::Sent(_) => return Err(VaultError::Begun { key }),
            Parts::Held(held) => {
                let scratch = |error: std::io::Error| VaultError::scratch(&key, error.kind());
                let parts = held.parts;
                let mut held = held.rewind().map_err(scratch)?;
                for _ in 0..parts {
                    let part;
                    (held, part) = held.next().map_err(scratch)?;
                    take(&part)?;
                }
            }
        }
        take(&self.rest)
    }

    /// The same object, with what is known of what it was made of.
    pub(crate) fn described(self, info: ObjectInfo) -> Self {
        Self { info, ..self }
    }

    /// Makes the object appear, if the condition holds.
    ///
    /// # Errors
    ///
    /// [`VaultError::Changed`] if the condition does not hold, or the error of the upload.
    pub async fn publish(self, condition: WriteCondition) -> Result<ObjectInfo, VaultError> {
        let Self {
            target,
            runtime,
            parts,
            rest,
            mut info,
        } = self;
        let rest = Bytes::from(rest);
        info.etag = match parts {
            Parts::None => put(&target, rest, &condition).await?,
            Parts::Sent(upload) => upload.complete(rest, condition).await?,
            Parts::Held(held) if held.parts == 0 => put(&target, rest, &condition).await?,
            Parts::Held(held) => {
                let runtime = runtime.ok_or_else(|| VaultError::NoRuntime {
                    key: target.key.clone(),
                })?;
                let upload = Multipart::start(target.clone(), &runtime);
                send_held(&target.key, held, &upload).await?;
                upload.complete(rest, condition).await?
            }
        };
        Ok(info)
    }

    /// Discards the object and waits until nothing of it is left in the bucket.
    pub async fn abort(self) {
        if let Parts::Sent(upload) = self.parts {
            upload.abort().await;
        }
    }
}

async fn send_held(key: &str, held: HeldParts, upload: &Multipart) -> Result<(), VaultError> {
    let scratch = |error: std::io::Error| VaultError::scratch(key, error.kind());
    let parts = held.parts;
    let mut held = blocking(key, move || Ok(held.rewind()))
        .await?
        .map_err(scratch)?;
    for _ in 0..parts {
        let part;
        (held, part) = blocking(key, move || Ok(held.next()))
            .await?
            .map_err(scratch)?;
        upload.part(part).await?;
    }
    Ok(())
}

impl fmt::Debug for PreparedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedObject")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}
