//! From plain bytes to the parts of an upload, on the caller's thread or on one of its own.

use std::io;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::error::VaultError;
use crate::write::encoder::Encoder;
use crate::write::prepared::{HeldParts, Parts, PreparedObject};
use crate::write::upload::{Multipart, PART_BYTES, Target, Uploading};
use crate::write::worker::{WorkerReceiver, WorkerSender};

/// How many pieces may wait for an encoding thread.
const PIECES_AHEAD: usize = 3;

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
    /// The new object's entity tag, once the object is visible.
    pub etag: Option<String>,
}

/// The bytes of an object, between the caller and the network.
pub(crate) struct ObjectEncoding {
    target: Target,
    runtime: Option<Handle>,
    encoder: Encoder,
    /// Encoded bytes that do not fill a part yet.
    encoded: Vec<u8>,
    parts: Parts,
    digest: Sha256,
    /// Plain bytes, before compression and encryption.
    bytes: u64,
    uploaded_bytes: u64,
}

impl ObjectEncoding {
    pub(crate) fn new(
        target: Target,
        runtime: Option<Handle>,
        encoder: impl FnOnce(&mut Vec<u8>) -> io::Result<Encoder>,
    ) -> Result<Self, VaultError> {
        let mut encoded = Vec::new();
        let encoder = encoder(&mut encoded)
            .map_err(|error| VaultError::scratch(&target.key, error.kind()))?;
        let parts = match target.uploading {
            Uploading::AtOnce => Parts::None,
            Uploading::AtTheEnd => Parts::Held(HeldParts::new()),
        };
        Ok(Self {
            target,
            runtime,
            encoder,
            encoded,
            parts,
            digest: Sha256::new(),
            bytes: 0,
            uploaded_bytes: 0,
        })
    }

    /// Hashes, compresses and encrypts.
    pub(crate) fn push(&mut self, plain: &[u8]) -> Result<(), VaultError> {
        self.digest.update(plain);
        self.bytes += plain.len() as u64;
        self.encoder
            .push(plain, &mut self.encoded)
            .map_err(|error| VaultError::scratch(&self.target.key, error.kind()))
    }

    /// Uploads the parts that are full, or holds them; waits while the network is slower.
    pub(crate) fn upload_parts(&mut self) -> Result<(), VaultError> {
        while let Some(part) = split_part(&mut self.encoded) {
            self.uploaded_bytes += part.len() as u64;
            self.part(part)?;
        }
        Ok(())
    }

    /// Encodes the rest.
    pub(crate) fn prepare(self) -> Result<PreparedObject, VaultError> {
        let Self {
            target,
            runtime,
            encoder,
            mut encoded,
            parts,
            digest,
            bytes,
            uploaded_bytes,
        } = self;
        encoder.finish(&mut encoded);
        let info = ObjectInfo {
            key: target.key.clone(),
            stored_bytes: uploaded_bytes + encoded.len() as u64,
            bytes,
            sha256: format!("{:x}", digest.finalize()),
            etag: None,
        };
        Ok(PreparedObject {
            target,
            runtime,
            parts,
            rest: encoded,
            info,
        })
    }

    pub(crate) async fn abort(self) {
        if let Parts::Sent(upload) = self.parts {
            upload.abort().await;
        }
    }

    fn part(&mut self, part: Bytes) -> Result<(), VaultError> {
        if let Parts::None = self.parts {
            let runtime = self.runtime.as_ref().ok_or_else(|| VaultError::NoRuntime {
                key: self.target.key.clone(),
            })?;
            self.parts = Parts::Sent(Multipart::start(self.target.clone(), runtime));
        }
        match &mut self.parts {
            Parts::Sent(upload) => upload.part_blocking(part),
            Parts::Held(held) => held
                .push(&part)
                .map_err(|error| VaultError::scratch(&self.target.key, error.kind())),
            Parts::None => Ok(()),
        }
    }
}

/// An encoding that runs on a thread of its own. Dropping it ends the thread and aborts the upload.
pub(crate) struct EncodingThread {
    pieces: WorkerSender<Vec<u8>>,
    thread: JoinHandle<Result<Box<ObjectEncoding>, VaultError>>,
}

impl EncodingThread {
    pub(crate) fn start(encoding: Box<ObjectEncoding>, runtime: &Handle) -> Self {
        let (sender, receiver) = WorkerSender::new(&encoding.target.key, PIECES_AHEAD);
        let thread = runtime.spawn_blocking(move || run(encoding, receiver));
        Self {
            pieces: sender,
            thread,
        }
    }

    /// Sends a piece to the thread; blocks while the queue is full.
    pub(crate) fn push(&self, piece: Vec<u8>) -> Result<(), VaultError> {
        self.pieces.push_blocking(piece)
    }

    /// Waits until all pieces are encoded.
    pub(crate) async fn join(self) -> Result<Box<ObjectEncoding>, VaultError> {
        let key = self.pieces.key().to_owned();
        drop(self.pieces);
        self.thread
            .await
            .unwrap_or_else(|error| Err(VaultError::unavailable(&key, error)))
    }
}

fn run(
    mut encoding: Box<ObjectEncoding>,
    mut receiver: WorkerReceiver<Vec<u8>>,
) -> Result<Box<ObjectEncoding>, VaultError> {
    let mut encoded = Ok(());
    while let Some(piece) = receiver.pieces.blocking_recv() {
        encoded = encoding.push(&piece).and_then(|()| encoding.upload_parts());
        if encoded.is_err() {
            break;
        }
    }
    receiver.end(encoded.map(|()| encoding))
}

/// Takes a full part off the front, as long as something remains for the last part.
fn split_part(encoded: &mut Vec<u8>) -> Option<Bytes> {
    if encoded.len() <= PART_BYTES {
        return None;
    }
    let rest = encoded.split_off(PART_BYTES);
    Some(std::mem::replace(encoded, rest).into())
}
