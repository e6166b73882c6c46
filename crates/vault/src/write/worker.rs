//! A queue to a worker that may fail before the last piece.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

use crate::error::VaultError;

/// The caller's end. Dropping it ends the worker.
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
    /// Creates a queue for up to `capacity` pieces of the object with this key.
    pub(crate) fn new(key: &str, capacity: usize) -> (Self, WorkerReceiver<T>) {
        let (pieces, received) = mpsc::channel(capacity);
        let failure = Arc::new(OnceLock::new());
        let receiver = WorkerReceiver {
            pieces: received,
            failure: Arc::clone(&failure),
        };
        let sender = Self {
            key: key.to_owned(),
            pieces,
            failure,
        };
        (sender, receiver)
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Sends a piece; blocks this thread while the queue is full.
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

    /// Why the worker ended early.
    fn failure(&self) -> VaultError {
        self.failure.get().cloned().unwrap_or_else(|| {
            VaultError::unavailable(&self.key, io::Error::other("the upload was cancelled"))
        })
    }
}

impl<T> WorkerReceiver<T> {
    /// Records a failure before the queue closes, so that the sender finds it.
    pub(crate) fn end<R>(self, result: Result<R, VaultError>) -> Result<R, VaultError> {
        if let Err(error) = &result {
            // A worker ends only once, so nothing is recorded yet.
            let _ = self.failure.set(error.clone());
        }
        result
    }
}
