use std::fmt;
use std::io::{self, Write};

use tokio::runtime::Handle;

use crate::blocking::blocking;
use crate::encoding::{EncodingThread, ObjectEncoding};
use crate::error::VaultError;
use crate::sealer::Encoder;
use crate::upload::Target;

/// Bytes collected before they are compressed and encrypted, so that a caller may write a few at a
/// time.
const STEP: usize = 512 * 1024;
/// Behind so many bytes, encoding goes on on a thread of its own: most objects are smaller, and not
/// worth one.
const LARGE: u64 = 1024 * 1024;

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
/// It appears, whole, when [`ObjectWriter::finish`] returns; an earlier object under the same key
/// stays until then. Dropping the writer leaves nothing behind (what was uploaded is aborted in the
/// background; use [`ObjectWriter::abort`] where the program may be frozen right after).
///
/// Writing blocks: it compresses and encrypts (a large object on a thread beside the caller's), and
/// waits for the network once 16 MiB are on their way.
///
/// # Panics
///
/// Writing more than fits into memory from asynchronous code, instead of from a blocking thread,
/// panics when it would have to wait.
pub struct ObjectWriter {
    key: String,
    runtime: Option<Handle>,
    stage: Stage,
    /// Plain bytes that wait to be encoded.
    pending: Vec<u8>,
    /// Plain bytes handed on.
    bytes: u64,
}

enum Stage {
    Here(Box<ObjectEncoding>),
    Apart(EncodingThread),
    /// It could not be made, or has failed: every later call does.
    Failed(VaultError),
}

impl ObjectWriter {
    pub(crate) fn new(
        target: Target,
        encoder: impl FnOnce(&mut Vec<u8>) -> io::Result<Encoder>,
    ) -> Self {
        let runtime = Handle::try_current().ok();
        Self {
            key: target.key.clone(),
            stage: match ObjectEncoding::new(target, runtime.clone(), encoder) {
                Ok(encoding) => Stage::Here(Box::new(encoding)),
                Err(error) => Stage::Failed(error),
            },
            runtime,
            pending: Vec::new(),
            bytes: 0,
        }
    }

    /// The object's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Uploads the rest and makes the object appear.
    ///
    /// # Errors
    ///
    /// The error of the upload, also of a part that was written before.
    pub async fn finish(self) -> Result<ObjectInfo, VaultError> {
        let mut encoding = match self.stage {
            Stage::Here(encoding) => encoding,
            Stage::Apart(thread) => thread.join().await?,
            Stage::Failed(error) => return Err(error),
        };
        let pending = self.pending;
        if !pending.is_empty() {
            encoding = blocking(&self.key, move || {
                encoding.push(&pending)?;
                Ok(encoding)
            })
            .await?;
        }
        encoding.finish().await
    }

    /// Gives the object up and waits until nothing of it is left in the bucket.
    pub async fn abort(self) {
        let encoding = match self.stage {
            Stage::Here(encoding) => encoding,
            // A thread that failed has left nothing to abort.
            Stage::Apart(thread) => match thread.join().await {
                Ok(encoding) => encoding,
                Err(_) => return,
            },
            Stage::Failed(_) => return,
        };
        encoding.abort().await;
    }

    fn hand_on(&mut self) -> Result<(), VaultError> {
        self.bytes += self.pending.len() as u64;
        match &mut self.stage {
            Stage::Here(encoding) => {
                encoding.push(&self.pending)?;
                self.pending.clear();
                encoding.upload_parts()?;
            }
            Stage::Apart(thread) => {
                let piece = std::mem::replace(&mut self.pending, Vec::with_capacity(STEP));
                thread.push(piece)?;
            }
            Stage::Failed(error) => return Err(error.clone()),
        }
        Ok(())
    }

    fn move_apart(&mut self) {
        let Some(runtime) = &self.runtime else {
            return;
        };
        let no_stage = Stage::Failed(VaultError::NoRuntime {
            key: self.key.clone(),
        });
        self.stage = match std::mem::replace(&mut self.stage, no_stage) {
            Stage::Here(encoding) => Stage::Apart(EncodingThread::start(encoding, runtime)),
            other => other,
        };
    }

    /// Encodes and uploads what has come; a failure is final.
    fn advance(&mut self) -> io::Result<()> {
        let result = self.hand_on();
        if let Err(error) = &result {
            self.stage = Stage::Failed(error.clone());
        } else if self.bytes >= LARGE && matches!(self.stage, Stage::Here(_)) {
            self.move_apart();
        }
        result.map_err(io::Error::from)
    }
}

impl Write for ObjectWriter {
    /// # Errors
    ///
    /// An I/O error that holds the [`VaultError`] of the upload ([`VaultError::from_io`]); every
    /// later call fails the same way.
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
            .field("key", &self.key)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
