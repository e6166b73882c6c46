//! Writes a JSON array from asynchronous code to an object, whose writer is synchronous.

use std::io::Write;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use trips::json::ArrayWriter;
use vault::{ObjectInfo, ObjectWriter, Seal, Vault};

use crate::error::{ErrorName, PipelineError};

/// Number of pieces on their way to the writing thread. When the queue is full, the producer waits.
const PIECES_IN_FLIGHT: usize = 16;
const PIECE_BYTES: usize = 64 * 1024;

/// A JSON array that is being written, one element per line. The object is visible in the bucket
/// after [`JsonArrayStream::finish`], or when the writer of [`JsonArrayStream::close`] is finished.
pub(crate) struct JsonArrayStream {
    key: String,
    /// Writes into the piece that is sent next.
    array: ArrayWriter<Vec<u8>>,
    pieces: mpsc::Sender<Bytes>,
    writer: JoinHandle<std::io::Result<ObjectWriter>>,
}

impl JsonArrayStream {
    pub(crate) fn create(vault: &Vault, key: &str, seal: Seal) -> Result<Self, PipelineError> {
        let object = vault.create(key, seal);
        let (pieces, receiver) = mpsc::channel(PIECES_IN_FLIGHT);
        Ok(Self {
            key: key.to_owned(),
            array: ArrayWriter::new(Vec::with_capacity(PIECE_BYTES))
                .map_err(|e| PipelineError::from_io(key, &e))?,
            pieces,
            writer: spawn_blocking(move || write_all(object, receiver)),
        })
    }

    pub(crate) async fn push(
        &mut self,
        element: &impl serde::Serialize,
    ) -> Result<(), PipelineError> {
        self.array
            .push(element)
            .map_err(|e| PipelineError::from_io(&self.key, &e))?;
        self.send_piece().await
    }

    /// Adds an element that is written already, byte for byte.
    pub(crate) async fn push_text(&mut self, element: &str) -> Result<(), PipelineError> {
        self.array
            .push_text(element)
            .map_err(|e| PipelineError::from_io(&self.key, &e))?;
        self.send_piece().await
    }

    /// Passes on what is written, if it is enough.
    async fn send_piece(&mut self) -> Result<(), PipelineError> {
        let piece = self.array.get_mut();
        if piece.len() < PIECE_BYTES {
            return Ok(());
        }
        let piece = std::mem::replace(piece, Vec::with_capacity(PIECE_BYTES));
        if self.pieces.send(piece.into()).await.is_err() {
            return Err(interrupted(&self.key));
        }
        Ok(())
    }

    /// Completes the array and makes the object visible, whatever the bucket has under its key.
    pub(crate) async fn finish(self) -> Result<ObjectInfo, PipelineError> {
        Ok(self.close().await?.finish().await?)
    }

    /// Completes the array. The object is not visible yet.
    pub(crate) async fn close(self) -> Result<ObjectWriter, PipelineError> {
        let piece = self
            .array
            .finish()
            .map_err(|e| PipelineError::from_io(&self.key, &e))?;
        let sent = self.pieces.send(piece.into()).await;
        drop(self.pieces);
        // If the writer ended early, its own error says more than the closed queue.
        let object = self
            .writer
            .await
            .map_err(|_| PipelineError::panicked("writing an object"))?
            .map_err(|e| PipelineError::from_io(&self.key, &e))?;
        sent.map_err(|_| interrupted(&self.key))?;
        Ok(object)
    }
}

fn interrupted(key: &str) -> PipelineError {
    PipelineError::new(
        ErrorName::StorageUnavailable,
        format!("{key}: the upload was interrupted"),
    )
}

fn write_all(
    mut object: ObjectWriter,
    mut pieces: mpsc::Receiver<Bytes>,
) -> std::io::Result<ObjectWriter> {
    while let Some(piece) = pieces.blocking_recv() {
        object.write_all(&piece)?;
    }
    Ok(object)
}
