//! The writer of one object.

use std::fmt;
use std::io::{self, Write};

use tokio::runtime::Handle;

use crate::blocking::blocking;
use crate::error::VaultError;
use crate::write::condition::WriteCondition;
use crate::write::encoder::Encoder;
use crate::write::encoding::{EncodingThread, ObjectEncoding, ObjectInfo};
use crate::write::prepared::PreparedObject;
use crate::write::upload::Target;

/// Bytes collected before they are compressed and encrypted, so that a caller may write a few at a
/// time.
const STEP_BYTES: usize = 512 * 1024;
/// After this many bytes, encoding continues on a thread of its own. Most objects are smaller and
/// not worth a thread.
const LARGE: u64 = 1024 * 1024;

/// An object that is being written to the bucket.
///
/// It appears, whole, when [`ObjectWriter::finish`] returns. Until then the bucket keeps the
/// earlier object under the same key. Dropping the writer leaves nothing behind: what was uploaded
/// is aborted in the background. Use [`ObjectWriter::abort`] where the program may be frozen right
/// after.
///
/// Writing blocks: it compresses and encrypts (a large object on a thread of its own), and it waits
/// for the network when the upload is more than 16 MiB behind.
///
/// # Panics
///
/// Writing a large object from asynchronous code, instead of from a blocking thread, panics when it
/// would have to wait.
pub struct ObjectWriter {
    key: String,
    runtime: Option<Handle>,
    state: State,
    /// Plain bytes that are not encoded yet.
    pending: Vec<u8>,
    /// Plain bytes that are encoded, or sent to the encoding thread.
    bytes: u64,
}

enum State {
    /// Encodes on the caller's thread.
    Inline(Box<ObjectEncoding>),
    /// Encodes on a thread of its own.
    Threaded(EncodingThread),
    /// Every later call fails with the same error.
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
            state: match ObjectEncoding::new(target, runtime.clone(), encoder) {
                Ok(encoding) => State::Inline(Box::new(encoding)),
                Err(error) => State::Failed(error),
            },
            runtime,
            pending: Vec::new(),
            bytes: 0,
        }
    }

    /// Uploads the rest and makes the object appear, whatever the bucket has under the key.
    ///
    /// # Errors
    ///
    /// The error of the upload, including that of an earlier part.
    pub async fn finish(self) -> Result<ObjectInfo, VaultError> {
        self.prepare().await?.publish(WriteCondition::Always).await
    }

    /// Encodes the rest. The object is not visible yet, but its size and hash are known.
    ///
    /// # Errors
    ///
    /// The error of the upload of an earlier part.
    pub async fn prepare(self) -> Result<PreparedObject, VaultError> {
        let mut encoding = match self.state {
            State::Inline(encoding) => encoding,
            State::Threaded(thread) => thread.join().await?,
            State::Failed(error) => return Err(error),
        };
        let pending = self.pending;
        blocking(&self.key, move || {
            encoding.push(&pending)?;
            encoding.prepare()
        })
        .await
    }

    /// Discards the object and waits until nothing of it is left in the bucket.
    pub async fn abort(self) {
        let encoding = match self.state {
            State::Inline(encoding) => Some(encoding),
            // A thread that failed has aborted its upload.
            State::Threaded(thread) => thread.join().await.ok(),
            State::Failed(_) => None,
        };
        if let Some(encoding) = encoding {
            encoding.abort().await;
        }
    }

    /// Encodes and uploads the pending bytes. A failure is final.
    fn advance(&mut self) -> io::Result<()> {
        let result = self.encode_pending();
        if let Err(error) = &result {
            self.state = State::Failed(error.clone());
        } else if self.bytes >= LARGE && matches!(self.state, State::Inline(_)) {
            self.move_to_thread();
        }
        result.map_err(io::Error::from)
    }

    fn encode_pending(&mut self) -> Result<(), VaultError> {
        self.bytes += self.pending.len() as u64;
        match &mut self.state {
            State::Inline(encoding) => {
                encoding.push(&self.pending)?;
                self.pending.clear();
                encoding.upload_parts()?;
            }
            State::Threaded(thread) => {
                let piece = std::mem::replace(&mut self.pending, Vec::with_capacity(STEP_BYTES));
                thread.push(piece)?;
            }
            State::Failed(error) => return Err(error.clone()),
        }
        Ok(())
    }

    fn move_to_thread(&mut self) {
        let Some(runtime) = &self.runtime else {
            return;
        };
        let placeholder = State::Failed(VaultError::NoRuntime {
            key: self.key.clone(),
        });
        self.state = match std::mem::replace(&mut self.state, placeholder) {
            State::Inline(encoding) => State::Threaded(EncodingThread::start(encoding, runtime)),
            other => other,
        };
    }
}

impl Write for ObjectWriter {
    /// # Errors
    ///
    /// An I/O error that holds the [`VaultError`] of the upload ([`VaultError::from_io`]); every
    /// later call fails the same way.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(STEP_BYTES - self.pending.len());
        self.pending.extend_from_slice(&bytes[..count]);
        if self.pending.len() == STEP_BYTES {
            self.advance()?;
        }
        Ok(count)
    }

    /// Does nothing: no part of an object can be seen before the whole.
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
