use std::io;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;

use crate::blocking::blocking;
use crate::error::VaultError;
use crate::intake::{Intake, IntakeError, Taken};
use crate::vault::Vault;

/// Bytes of a body handed to a blocking thread at a time.
const BATCH: usize = 1024 * 1024;
/// How often an object is asked for when its body breaks off midway. The SDK
/// retries requests; it cannot retry a body.
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
        take_in(key, answer, Intake::new(self.keys.clone())).await
    }
}

pub(crate) struct Fetched {
    pub(crate) taken: Taken,
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
    mut intake: Intake,
) -> Result<Fetched, FetchError> {
    let GetObjectOutput {
        mut body,
        e_tag: etag,
        content_length,
        ..
    } = answer;
    let (mut batch, mut bytes) = (Vec::new(), 0_u64);
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|error| FetchError::BrokeOff(VaultError::unavailable(key, error)))?;
        bytes += chunk.len() as u64;
        batch.extend_from_slice(&chunk);
        if batch.len() >= BATCH {
            intake = push(key, intake, std::mem::take(&mut batch)).await?;
        }
    }
    if content_length.is_some_and(|expected| u64::try_from(expected) != Ok(bytes)) {
        let cause = io::Error::new(io::ErrorKind::UnexpectedEof, "the body ended early");
        return Err(FetchError::BrokeOff(VaultError::unavailable(key, cause)));
    }
    let intake = push(key, intake, batch).await?;
    let taken = intake
        .finish()
        .map_err(|error| FetchError::Final(intake_error(key, &error)))?;
    Ok(Fetched { taken, etag, bytes })
}

async fn push(key: &str, mut intake: Intake, batch: Vec<u8>) -> Result<Intake, FetchError> {
    let owned = key.to_owned();
    blocking(key, move || {
        intake
            .push(&batch)
            .map_err(|error| intake_error(&owned, &error))?;
        Ok(intake)
    })
    .await
    .map_err(FetchError::Final)
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
