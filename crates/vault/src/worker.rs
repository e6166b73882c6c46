//! Handing pieces to a worker that may fail before the last of them.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

use crate::error::VaultError;

/// The caller's end. Dropped, it ends the worker.
pub(crate) struct WorkerSender<T> {
    key: String,
    pieces: mpsc::Sender<T>,
    failure: Arc<OnceLock<VaultError>>,
}

/// The worker's end.
pub(crate) struct WorkerReceiver<T> {
    pub(crate) pieces: mpsc::Receiver<T>,
    failure: Arc<OnceLock<VaultError>>,
}

impl<T> WorkerSender<T> {
    /// A queue for the pieces of the object with this key.
    pub(crate) fn new(key: &str, ahead: usize) -> (Self, WorkerReceiver<T>) {
        let (sender, pieces) = mpsc::channel(ahead);
        let failure = Arc::new(OnceLock::new());
        let received = WorkerReceiver {
            pieces,
            failure: Arc::clone(&failure),
        };
        let handover = Self {
            key: key.to_owned(),
            pieces: sender,
            failure,
        };
        (handover, received)
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Waits on this thread while the queue is full.
    pub(crate) fn push_blocking(&self, piece: T) -> Result<(), VaultError> {
        let sent = match self.pieces.try_send(piece) {
            Err(mpsc::error::TrySendError::Full(piece)) => self.pieces.blocking_send(piece).is_ok(),
            other => other.is_ok(),
        };
        if sent { Ok(()) } else { Err(self.failure()) }
    }

    pub(crate) async fn push(&self, piece: T) -> Result<(), VaultError> {
        self.pieces.send(piece).await.map_err(|_| self.failure())
    }

    /// Why the worker ended before its time.
    fn failure(&self) -> VaultError {
        self.failure.get().cloned().unwrap_or_else(|| {
            VaultError::unavailable(&self.key, io::Error::other("the upload was cancelled"))
        })
    }
}

impl<T> WorkerReceiver<T> {
    /// Notes how the work ended, before the queue closes, so that the caller finds it.
    pub(crate) fn end<R>(self, result: Result<R, VaultError>) -> Result<R, VaultError> {
        if let Err(error) = &result {
            let _ = self.failure.set(error.clone());
        }
        result
    }
}
