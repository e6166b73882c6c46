//! Bytes made by asynchronous code, written to an object whose writer is synchronous.

use std::io::Write;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use vault::{ObjectInfo, ObjectWriter, Seal, Vault};

use crate::error::{ErrorName, PipelineError};

/// Pieces on their way to the writing thread; a full queue makes the producer wait.
const PIECES_IN_FLIGHT: usize = 16;
const PIECE_BYTES: usize = 64 * 1024;

/// An object under construction; nothing is visible in the bucket before [`ObjectStream::finish`].
pub(crate) struct ObjectStream {
    key: String,
    pending: Vec<u8>,
    pieces: mpsc::Sender<Bytes>,
    writer: JoinHandle<std::io::Result<ObjectWriter>>,
}

impl ObjectStream {
    pub(crate) fn create(vault: &Vault, key: &str, seal: Seal) -> Self {
        let object = vault.create(key, seal);
        let (pieces, receiver) = mpsc::channel(PIECES_IN_FLIGHT);
        Self {
            key: key.to_owned(),
            pending: Vec::with_capacity(PIECE_BYTES),
            pieces,
            writer: spawn_blocking(move || write_all(object, receiver)),
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), PipelineError> {
        self.pending.extend_from_slice(bytes);
        self.flush_if_full().await
    }

    async fn flush_if_full(&mut self) -> Result<(), PipelineError> {
        if self.pending.len() < PIECE_BYTES {
            return Ok(());
        }
        self.flush().await
    }

    pub(crate) async fn finish(mut self) -> Result<ObjectInfo, PipelineError> {
        // A writer that has ended early says why below, better than a closed queue does.
        let flushed = self.flush().await;
        drop(self.pieces);
        let object = self
            .writer
            .await
            .map_err(|_| PipelineError::interrupted("writing an object"))?
            .map_err(|e| PipelineError::from_io(&self.key, &e))?;
        flushed?;
        Ok(object.finish().await?)
    }

    async fn flush(&mut self) -> Result<(), PipelineError> {
        let piece = std::mem::replace(&mut self.pending, Vec::with_capacity(PIECE_BYTES));
        self.pieces.send(Bytes::from(piece)).await.map_err(|_| {
            PipelineError::new(
                ErrorName::StorageUnavailable,
                format!("{}: the upload broke off", self.key),
            )
        })
    }
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

/// A JSON array under construction, an element a line.
pub(crate) struct JsonArrayStream {
    object: ObjectStream,
    elements: u64,
}

impl JsonArrayStream {
    pub(crate) async fn create(
        vault: &Vault,
        key: &str,
        seal: Seal,
    ) -> Result<Self, PipelineError> {
        let mut object = ObjectStream::create(vault, key, seal);
        object.write(b"[").await?;
        Ok(Self {
            object,
            elements: 0,
        })
    }

    pub(crate) async fn push(
        &mut self,
        element: &impl serde::Serialize,
    ) -> Result<(), PipelineError> {
        let pending = &mut self.object.pending;
        if self.elements > 0 {
            pending.extend_from_slice(b",\n");
        }
        serde_json::to_writer(pending, element).map_err(|e| {
            PipelineError::new(
                ErrorName::StorageUnavailable,
                format!("{}: {e}", self.object.key),
            )
        })?;
        self.elements += 1;
        self.object.flush_if_full().await
    }

    pub(crate) async fn finish(mut self) -> Result<ObjectInfo, PipelineError> {
        self.object.write(b"]").await?;
        self.object.finish().await
    }
}
