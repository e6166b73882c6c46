use std::fmt;
use std::io::{self, Write};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use crate::error::VaultError;
use crate::sealer::Encoder;
use crate::upload::{Multipart, PART, Target, put};

/// Bytes collected before they are compressed and encrypted, so that a caller
/// may write a few at a time.
const STEP: usize = 64 * 1024;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The object's key.
    pub key: String,
    /// Bytes in the bucket.
    pub stored_bytes: u64,
    /// Bytes that were written, before compression and encryption.
    pub bytes: u64,
    /// SHA-256 of the bytes that were written, in lower-case hexadecimal.
    pub sha256: String,
    /// The new object's entity tag.
    pub etag: Option<String>,
}

/// An object on its way into the bucket.
///
/// It appears, whole, when [`ObjectWriter::finish`] returns; an earlier object
/// under the same key stays until then. Dropping the writer leaves nothing
/// behind (what was uploaded is aborted in the background; use
/// [`ObjectWriter::abort`] where the program may be frozen right after).
///
/// Writing blocks: it compresses and encrypts, and waits for the network once
/// 16 MiB are on their way.
///
/// # Panics
///
/// Writing more than fits into memory from asynchronous code, instead of from
/// a blocking thread, panics when it would have to wait.
pub struct ObjectWriter {
    target: Target,
    runtime: Option<Handle>,
    /// Gone once it could not be made or has failed.
    encoder: Result<Encoder, VaultError>,
    /// Plain bytes that wait to be encoded.
    pending: Vec<u8>,
    /// Encoded bytes that wait to be a part.
    encoded: Vec<u8>,
    upload: Option<Multipart>,
    digest: Sha256,
    bytes: u64,
    uploaded: u64,
}

impl ObjectWriter {
    pub(crate) fn new(
        target: Target,
        encoder: impl FnOnce(&mut Vec<u8>) -> io::Result<Encoder>,
    ) -> Self {
        let mut encoded = Vec::new();
        let encoder = encoder(&mut encoded).map_err(|error| scratch(&target.key, &error));
        Self {
            target,
            runtime: Handle::try_current().ok(),
            encoder,
            pending: Vec::new(),
            encoded,
            upload: None,
            digest: Sha256::new(),
            bytes: 0,
            uploaded: 0,
        }
    }

    /// The object's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.target.key
    }

    /// Uploads the rest and makes the object appear.
    ///
    /// # Errors
    ///
    /// The error of the upload, also of a part that was written before.
    pub async fn finish(mut self) -> Result<ObjectInfo, VaultError> {
        self.encode_pending()?;
        let Self {
            target,
            encoder,
            mut encoded,
            upload,
            digest,
            bytes,
            uploaded,
            ..
        } = self;
        encoder?
            .finish(&mut encoded)
            .map_err(|error| scratch(&target.key, &error))?;
        let stored_bytes = uploaded + encoded.len() as u64;
        let etag = send_rest(&target, upload, encoded).await?;
        Ok(ObjectInfo {
            key: target.key,
            stored_bytes,
            bytes,
            sha256: hexadecimal(&digest.finalize()),
            etag,
        })
    }

    /// Gives the object up and waits until nothing of it is left in the bucket.
    pub async fn abort(self) {
        if let Some(upload) = self.upload {
            upload.abort().await;
        }
    }

    fn encode_pending(&mut self) -> Result<(), VaultError> {
        let encoder = self.encoder.as_mut().map_err(|error| error.clone())?;
        self.digest.update(&self.pending);
        self.bytes += self.pending.len() as u64;
        encoder
            .push(&self.pending, &mut self.encoded)
            .map_err(|error| scratch(&self.target.key, &error))?;
        self.pending.clear();
        Ok(())
    }

    fn upload_parts(&mut self) -> Result<(), VaultError> {
        while let Some(part) = split_part(&mut self.encoded) {
            self.uploaded += part.len() as u64;
            self.upload()?.part_blocking(part)?;
        }
        Ok(())
    }

    fn upload(&mut self) -> Result<&Multipart, VaultError> {
        if self.upload.is_none() {
            let no_runtime = || VaultError::NoRuntime {
                key: self.target.key.clone(),
            };
            let runtime = self.runtime.as_ref().ok_or_else(no_runtime)?;
            self.upload = Some(Multipart::start(self.target.clone(), runtime));
        }
        self.upload.as_ref().ok_or_else(|| VaultError::NoRuntime {
            key: self.target.key.clone(),
        })
    }

    /// Encodes and uploads what has come; a failure is final.
    fn advance(&mut self) -> io::Result<()> {
        let result = self.encode_pending().and_then(|()| self.upload_parts());
        if let Err(error) = &result {
            self.encoder = Err(error.clone());
        }
        result.map_err(io::Error::from)
    }
}

impl Write for ObjectWriter {
    /// # Errors
    ///
    /// An I/O error that holds the [`VaultError`] of the upload
    /// ([`VaultError::from_io`]); every later call fails the same way.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(STEP - self.pending.len());
        self.pending.extend_from_slice(&bytes[..taken]);
        if self.pending.len() == STEP {
            self.advance()?;
        }
        Ok(taken)
    }

    /// Does nothing: an object has no part that could be seen early.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for ObjectWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectWriter")
            .field("key", &self.target.key)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

async fn send_rest(
    target: &Target,
    upload: Option<Multipart>,
    mut encoded: Vec<u8>,
) -> Result<Option<String>, VaultError> {
    let Some(upload) = upload else {
        return put(target, encoded.into()).await;
    };
    while let Some(part) = split_part(&mut encoded) {
        upload.part(part).await?;
    }
    upload.complete(encoded.into()).await
}

/// A whole part, as long as something stays for the last one.
fn split_part(encoded: &mut Vec<u8>) -> Option<Bytes> {
    if encoded.len() <= PART {
        return None;
    }
    let rest = encoded.split_off(PART);
    Some(std::mem::replace(encoded, rest).into())
}

fn scratch(key: &str, error: &io::Error) -> VaultError {
    VaultError::Scratch {
        key: key.to_owned(),
        kind: error.kind(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
