use std::io;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::blocking::blocking;
use crate::error::VaultError;
use crate::spooler::{IntakeError, Spooled, Spooler};
use crate::vault::Vault;

/// Chunks of a body on their way to the thread that takes it in; each is what one read of the
/// socket gave.
const CHUNKS_AHEAD: usize = 16;
/// How often an object is asked for when its body breaks off midway. The SDK retries requests; it
/// cannot retry a body.
const BODY_ATTEMPTS: u32 = 4;
const BODY_PAUSE: Duration = Duration::from_millis(200);

impl Vault {
    /// The whole object, spooled and authenticated.
    pub(crate) async fn fetch(&self, key: &str) -> Result<Fetched, VaultError> {
        let mut attempt = 1;
        loop {
            match self.fetch_once(key).await {
                Err(FetchError::BrokeOff(error)) if attempt < BODY_ATTEMPTS => {
                    tracing::warn!(s3.key = key, attempt, error = %error, "Asking for an object again");
                    tokio::time::sleep(BODY_PAUSE * attempt).await;
                    attempt += 1;
                }
                Err(FetchError::BrokeOff(error) | FetchError::Final(error)) => return Err(error),
                Ok(fetched) => return Ok(fetched),
            }
        }
    }

    async fn fetch_once(&self, key: &str) -> Result<Fetched, FetchError> {
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .map_err(|error| FetchError::Final(VaultError::from_sdk(key, error)))?;
        take_in(key, answer, Spooler::new(self.keys.clone())).await
    }
}

pub(crate) struct Fetched {
    pub(crate) taken: Spooled,
    pub(crate) etag: Option<String>,
    pub(crate) bytes: u64,
}

enum FetchError {
    BrokeOff(VaultError),
    Final(VaultError),
}

async fn take_in(
    key: &str,
    answer: GetObjectOutput,
    intake: Spooler,
) -> Result<Fetched, FetchError> {
    let GetObjectOutput {
        body,
        e_tag: etag,
        content_length,
        ..
    } = answer;
    let (chunks, received) = mpsc::channel(CHUNKS_AHEAD);
    let owned = key.to_owned();
    let taking = blocking(key, move || {
        take_chunks(intake, received).map_err(|error| intake_error(&owned, &error))
    });
    let (bytes, taken) = tokio::join!(pump(key, body, chunks), taking);
    let (bytes, has_ended) = bytes?;
    if has_ended && content_length.is_some_and(|expected| u64::try_from(expected) != Ok(bytes)) {
        let cause = io::Error::new(io::ErrorKind::UnexpectedEof, "the body ended early");
        return Err(FetchError::BrokeOff(VaultError::unavailable(key, cause)));
    }
    let taken = taken.map_err(FetchError::Final)?;
    Ok(Fetched { taken, etag, bytes })
}

/// Moves the body to the thread that takes it in. Answers the number of bytes, and whether that was
/// all: the thread wants no more of what is no object of ours.
async fn pump(
    key: &str,
    mut body: ByteStream,
    chunks: mpsc::Sender<Bytes>,
) -> Result<(u64, bool), FetchError> {
    let mut bytes = 0;
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|error| FetchError::BrokeOff(VaultError::unavailable(key, error)))?;
        bytes += chunk.len() as u64;
        if chunks.send(chunk).await.is_err() {
            return Ok((bytes, false));
        }
    }
    Ok((bytes, true))
}

fn take_chunks(
    mut intake: Spooler,
    mut chunks: mpsc::Receiver<Bytes>,
) -> Result<Spooled, IntakeError> {
    while let Some(chunk) = chunks.blocking_recv() {
        intake.push(&chunk)?;
    }
    intake.finish()
}

fn intake_error(key: &str, error: &IntakeError) -> VaultError {
    match error {
        IntakeError::Unreadable(why) => VaultError::unreadable(key, *why),
        IntakeError::Scratch(error) => VaultError::Scratch {
            key: key.to_owned(),
            kind: error.kind(),
        },
    }
}
