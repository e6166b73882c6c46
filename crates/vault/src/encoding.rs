//! From plain bytes to the parts of an upload, on the caller's thread or on one of its own.

use std::io;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::error::VaultError;
use crate::sealer::Encoder;
use crate::upload::{Multipart, PART, Target, put};
use crate::worker::{WorkerReceiver, WorkerSender};
use crate::writer::ObjectInfo;

/// Pieces on their way to an encoding thread.
const PIECES_AHEAD: usize = 3;

/// An object's bytes between the caller and the network.
pub(crate) struct ObjectEncoding {
    target: Target,
    runtime: Option<Handle>,
    encoder: Encoder,
    /// Encoded bytes that wait to be a part.
    encoded: Vec<u8>,
    upload: Option<Multipart>,
    digest: Sha256,
    bytes: u64,
    uploaded: u64,
}

impl ObjectEncoding {
    pub(crate) fn new(
        target: Target,
        runtime: Option<Handle>,
        encoder: impl FnOnce(&mut Vec<u8>) -> io::Result<Encoder>,
    ) -> Result<Self, VaultError> {
        let mut encoded = Vec::new();
        let encoder = encoder(&mut encoded).map_err(|error| scratch(&target.key, &error))?;
        Ok(Self {
            target,
            runtime,
            encoder,
            encoded,
            upload: None,
            digest: Sha256::new(),
            bytes: 0,
            uploaded: 0,
        })
    }

    /// Hashes, compresses and encrypts.
    pub(crate) fn push(&mut self, plain: &[u8]) -> Result<(), VaultError> {
        self.digest.update(plain);
        self.bytes += plain.len() as u64;
        self.encoder
            .push(plain, &mut self.encoded)
            .map_err(|error| scratch(&self.target.key, &error))
    }

    /// Hands over the parts that are whole; waits while the network is behind.
    pub(crate) fn upload_parts(&mut self) -> Result<(), VaultError> {
        while let Some(part) = split_part(&mut self.encoded) {
            self.uploaded += part.len() as u64;
            self.upload()?.part_blocking(part)?;
        }
        Ok(())
    }

    pub(crate) async fn finish(self) -> Result<ObjectInfo, VaultError> {
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
        encoder
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

    pub(crate) async fn abort(self) {
        if let Some(upload) = self.upload {
            upload.abort().await;
        }
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
}

/// An encoding that goes on beside its caller. Dropped, it ends, and what was uploaded is aborted.
pub(crate) struct EncodingThread {
    pieces: WorkerSender<Vec<u8>>,
    thread: JoinHandle<Result<Box<ObjectEncoding>, VaultError>>,
}

impl EncodingThread {
    pub(crate) fn start(encoding: Box<ObjectEncoding>, runtime: &Handle) -> Self {
        let (pieces, received) = WorkerSender::new(&encoding.target.key, PIECES_AHEAD);
        let thread = runtime.spawn_blocking(move || run(encoding, received));
        Self { pieces, thread }
    }

    /// Hands over a piece; waits on this thread while the queue is full.
    pub(crate) fn push(&self, piece: Vec<u8>) -> Result<(), VaultError> {
        self.pieces.push_blocking(piece)
    }

    /// The encoding, with all pieces in it.
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
    mut received: WorkerReceiver<Vec<u8>>,
) -> Result<Box<ObjectEncoding>, VaultError> {
    let mut encoded = Ok(());
    while let Some(piece) = received.pieces.blocking_recv() {
        encoded = encoding.push(&piece).and_then(|()| encoding.upload_parts());
        if encoded.is_err() {
            break;
        }
    }
    received.end(encoded.map(|()| encoding))
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
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
