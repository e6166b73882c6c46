//! Downloading an object into a spool: again if its body ends early, once more if it is damaged,
//! and once more with the keys of now if none of the keys fits.

use std::io;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::blocking::blocking;
use crate::bucket::Bucket;
use crate::error::{SpoolError, Unreadable, VaultError};
use crate::fernet::FernetKeys;
use crate::key_ring::KeyRing;
use crate::object_version::ObjectVersion;
use crate::read::spooler::{Spooled, Spooler};

/// How many chunks of a body may wait for the thread that spools them. A chunk is what one read of
/// the socket returned.
const CHUNKS_AHEAD: usize = 16;
/// How often an object is requested while its body ends early. The SDK retries requests, but it
/// cannot retry a body.
const BODY_ATTEMPTS: u32 = 4;
const BODY_PAUSE: Duration = Duration::from_millis(200);

/// A whole object, spooled and authenticated.
pub(crate) struct Fetched {
    pub(crate) content: Spooled,
    pub(crate) etag: Option<String>,
    pub(crate) version_id: Option<String>,
    /// Bytes in the bucket.
    pub(crate) bytes: u64,
}

enum FetchError {
    /// The body ended early. Another request may help.
    Incomplete(VaultError),
    /// The body is not a token under one of the keys. A bit may have been flipped on the way.
    Damaged(VaultError),
    Final(VaultError),
}

/// An object to download, and the keys that may open it.
pub(crate) struct Source<'a> {
    pub(crate) client: &'a Client,
    pub(crate) bucket: &'a Bucket,
    pub(crate) keys: &'a KeyRing,
    pub(crate) key: &'a str,
    /// The version to download; `None` for whatever is there.
    pub(crate) version: Option<&'a ObjectVersion>,
}

impl Source<'_> {
    /// Downloads the object and authenticates it.
    pub(crate) async fn fetch(&self) -> Result<Fetched, VaultError> {
        let keys = self.keys.current();
        let error = match self.fetch_under(&keys).await {
            Err(error) if is_no_key_fits(&error) => error,
            fetched => return fetched,
        };
        match self.keys.renew(&keys).await {
            Ok(Some(keys)) => self.fetch_under(&keys).await,
            Ok(None) => Err(error),
            Err(failed) if failed.is_transient => Err(VaultError::unavailable(self.key, failed)),
            Err(failed) => {
                tracing::warn!(
                    s3.key = self.key,
                    error.message = %failed,
                    "no key fits an object, and the keys could not be read again"
                );
                Err(error)
            }
        }
    }

    async fn fetch_under(&self, keys: &FernetKeys) -> Result<Fetched, VaultError> {
        let (mut attempt, mut is_reread) = (1, false);
        loop {
            match self.fetch_once(keys).await {
                Err(FetchError::Incomplete(error)) if attempt < BODY_ATTEMPTS => {
                    tracing::warn!(
                        s3.key = self.key,
                        retry.attempt = attempt,
                        error.message = %error,
                        "download of an object from S3 ended early, retrying"
                    );
                    tokio::time::sleep(BODY_PAUSE * attempt).await;
                    attempt += 1;
                }
                Err(FetchError::Damaged(error)) if !is_reread => {
                    tracing::warn!(
                        s3.key = self.key,
                        error.message = %error,
                        "object from S3 failed its check, reading it once more"
                    );
                    is_reread = true;
                }
                Err(
                    FetchError::Incomplete(error)
                    | FetchError::Damaged(error)
                    | FetchError::Final(error),
                ) => return Err(error),
                Ok(fetched) => return Ok(fetched),
            }
        }
    }

    async fn fetch_once(&self, keys: &FernetKeys) -> Result<Fetched, FetchError> {
        let response = self.request().await.map_err(FetchError::Final)?;
        spool_response(self.key, response, Spooler::new(keys.clone())).await
    }

    async fn request(&self) -> Result<GetObjectOutput, VaultError> {
        let get = || {
            self.client
                .get_object()
                .bucket(self.bucket.name())
                .key(self.key)
        };
        let Some(version) = self.version else {
            return self.send(get()).await;
        };
        let get = || get().if_match(&version.etag);
        // The version is mostly the current one, which needs no permission to read old versions.
        let current = self.check(version, self.send(get()).await);
        match (current, &version.version_id) {
            (Err(VaultError::Changed { .. } | VaultError::NotFound { .. }), Some(id)) => {
                self.check(version, self.send(get().version_id(id)).await)
            }
            (current, _) => current,
        }
    }

    /// Refuses another version than the wanted one: some replacements of S3 ignore `If-Match`.
    fn check(
        &self,
        wanted: &ObjectVersion,
        response: Result<GetObjectOutput, VaultError>,
    ) -> Result<GetObjectOutput, VaultError> {
        match response {
            Ok(found) if found.e_tag.as_ref() != Some(&wanted.etag) => Err(VaultError::Changed {
                key: self.key.to_owned(),
            }),
            response => response,
        }
    }

    async fn send(&self, request: GetObjectFluentBuilder) -> Result<GetObjectOutput, VaultError> {
        let response = request.send().await;
        response.map_err(|error| self.bucket.error(self.key, error))
    }
}

async fn spool_response(
    key: &str,
    response: GetObjectOutput,
    spooler: Spooler,
) -> Result<Fetched, FetchError> {
    let GetObjectOutput {
        body,
        e_tag: etag,
        version_id,
        content_length,
        ..
    } = response;
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let owned = key.to_owned();
    let spooling = blocking(key, move || {
        spool_chunks(spooler, receiver).map_err(|error| spool_error(&owned, &error))
    });
    let (sent, content) = tokio::join!(send_chunks(key, body, sender), spooling);
    let (bytes, is_complete) = sent?;
    if is_complete && content_length.is_some_and(|expected| u64::try_from(expected) != Ok(bytes)) {
        let cause = io::Error::new(io::ErrorKind::UnexpectedEof, "the body ended early");
        return Err(FetchError::Incomplete(VaultError::unavailable(key, cause)));
    }
    let content = content.map_err(damaged_or_final)?;
    Ok(Fetched {
        content,
        etag,
        version_id,
        bytes,
    })
}

/// Sends the body to the thread that spools it. Returns how many bytes were sent, and `true` if
/// those were all: the thread stops early if the object turns out to be unreadable.
async fn send_chunks(
    key: &str,
    mut body: ByteStream,
    chunks: mpsc::Sender<Bytes>,
) -> Result<(u64, bool), FetchError> {
    let mut bytes = 0;
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|error| FetchError::Incomplete(VaultError::unavailable(key, error)))?;
        bytes += chunk.len() as u64;
        if chunks.send(chunk).await.is_err() {
            return Ok((bytes, false));
        }
    }
    Ok((bytes, true))
}

fn spool_chunks(
    mut spooler: Spooler,
    mut chunks: mpsc::Receiver<Bytes>,
) -> Result<Spooled, SpoolError> {
    while let Some(chunk) = chunks.blocking_recv() {
        spooler.push(&chunk)?;
    }
    spooler.finish()
}

pub(crate) fn spool_error(key: &str, error: &SpoolError) -> VaultError {
    match error {
        SpoolError::Unreadable(why) => VaultError::unreadable(key, why.clone()),
        SpoolError::Scratch(error) => VaultError::scratch(key, error.kind()),
    }
}

fn damaged_or_final(error: VaultError) -> FetchError {
    match &error {
        VaultError::Unreadable { why, .. } if *why != Unreadable::Empty => {
            FetchError::Damaged(error)
        }
        _ => FetchError::Final(error),
    }
}

fn is_no_key_fits(error: &VaultError) -> bool {
    matches!(
        error,
        VaultError::Unreadable {
            why: Unreadable::NoKeyFits { .. },
            ..
        }
    )
}
