use std::fmt;
use std::io::{self, BufReader, Read as _, Write as _};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Unreadable, VaultError};
use crate::intake::{Intake, IntakeError, Taken};
use crate::keys::FernetKeys;
use crate::listing::ObjectPages;
use crate::reader::{ObjectReader, StoredAs};
use crate::sealer::Encoder;
use crate::upload::Target;
use crate::writer::{ObjectInfo, ObjectWriter};

/// Bytes of a body handed to a blocking thread at a time.
const BATCH: usize = 1024 * 1024;
/// How often an object is asked for when its body breaks off midway. The SDK
/// retries requests; it cannot retry a body.
const BODY_ATTEMPTS: u32 = 4;
const BODY_PAUSE: Duration = Duration::from_millis(200);

/// What a sealed object does to its content before encrypting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// zstd.
    #[default]
    Zstd,
    /// Nothing, so that tools that know only Fernet can read the object.
    None,
}

/// Whether an object is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// A Fernet token under the first key.
    Encrypt,
    /// The bytes as they are. Only JSON objects and arrays can be opened
    /// again: they are told from tokens by their first byte.
    Plain,
}

/// The bucket and the keys to its objects. Cloning is cheap.
#[derive(Clone)]
pub struct Vault {
    client: Client,
    bucket: String,
    keys: FernetKeys,
    compression: Compression,
}

impl Vault {
    /// A vault over `bucket`; sealed objects are written with `compression`.
    #[must_use]
    pub fn new(
        client: Client,
        bucket: impl Into<String>,
        keys: FernetKeys,
        compression: Compression,
    ) -> Self {
        Self {
            client,
            bucket: bucket.into(),
            keys,
            compression,
        }
    }

    /// The same vault, writing with `compression`.
    #[must_use]
    pub fn with_compression(self, compression: Compression) -> Self {
        Self {
            compression,
            ..self
        }
    }

    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Starts an object. Call it inside a tokio runtime (a blocking thread of
    /// one will do); nothing is sent before there is a part of 8 MiB or
    /// [`ObjectWriter::finish`].
    #[must_use]
    pub fn create(&self, key: impl Into<String>, seal: Seal) -> ObjectWriter {
        let target = self.target(key.into(), seal, None);
        match seal {
            Seal::Encrypt => ObjectWriter::new(target, |out| {
                Encoder::sealed(self.keys.first(), self.compression, out)
            }),
            Seal::Plain => ObjectWriter::new(target, |_| Ok(Encoder::plain())),
        }
    }

    /// A token over bytes that may be compressed already, which replaces
    /// nothing but the object with this entity tag.
    pub(crate) fn reseal(&self, key: &str, if_match: Option<String>) -> ObjectWriter {
        let target = self.target(key.to_owned(), Seal::Encrypt, if_match);
        ObjectWriter::new(target, |out| {
            Encoder::sealed(self.keys.first(), Compression::None, out)
        })
    }

    fn target(&self, key: String, seal: Seal, if_match: Option<String>) -> Target {
        Target {
            client: self.client.clone(),
            bucket: self.bucket.clone(),
            key,
            content_type: match seal {
                Seal::Encrypt => "application/octet-stream",
                Seal::Plain => "application/json",
            },
            if_match,
        }
    }

    /// Opens an object: reads it whole into a spool (8 MiB of memory, then an
    /// unlinked temporary file) and authenticates it.
    ///
    /// # Errors
    ///
    /// [`VaultError::NotFound`], [`VaultError::Unreadable`] for what is neither
    /// JSON nor a token that one of the keys fits, or the error of the request.
    pub async fn open(&self, key: &str) -> Result<ObjectReader, VaultError> {
        let fetched = self.fetch(key).await?;
        let (key, etag, bytes) = (key.to_owned(), fetched.etag, fetched.bytes);
        blocking(&key.clone(), move || {
            ObjectReader::new(&key, etag, bytes, fetched.taken)
        })
        .await
    }

    /// The whole content of an object, for what is known to be small.
    ///
    /// # Errors
    ///
    /// As [`Vault::open`].
    pub async fn get_bytes(&self, key: &str) -> Result<Vec<u8>, VaultError> {
        let mut reader = self.open(key).await?;
        let key = key.to_owned();
        blocking(&key.clone(), move || {
            let mut bytes = Vec::new();
            reader
                .read_to_end(&mut bytes)
                .map_err(|error| vault_error(&key, &error))?;
            Ok(bytes)
        })
        .await
    }

    /// Reads an object as JSON; a byte order mark before it is skipped.
    ///
    /// # Errors
    ///
    /// As [`Vault::open`], and [`Unreadable::Json`], which tells the place of
    /// the fault and nothing of the text.
    pub async fn get_json<T>(&self, key: &str) -> Result<T, VaultError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let reader = self.open(key).await?;
        let key = key.to_owned();
        blocking(&key.clone(), move || parse_json(&key, reader)).await
    }

    /// Writes a small object.
    ///
    /// # Errors
    ///
    /// The error of the upload.
    pub async fn put_bytes(
        &self,
        key: &str,
        bytes: &[u8],
        seal: Seal,
    ) -> Result<ObjectInfo, VaultError> {
        self.put_owned(key, bytes.to_vec(), seal).await
    }

    async fn put_owned(
        &self,
        key: &str,
        bytes: Vec<u8>,
        seal: Seal,
    ) -> Result<ObjectInfo, VaultError> {
        let (mut writer, owned) = (self.create(key, seal), key.to_owned());
        let writer = blocking(key, move || {
            writer
                .write_all(&bytes)
                .map_err(|error| vault_error(&owned, &error))?;
            Ok(writer)
        })
        .await?;
        writer.finish().await
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    ///
    /// [`VaultError::NotJson`] if the value cannot be written as JSON, or the
    /// error of the upload.
    pub async fn put_json<T>(
        &self,
        key: &str,
        value: &T,
        seal: Seal,
    ) -> Result<ObjectInfo, VaultError>
    where
        T: Serialize + Sync + ?Sized,
    {
        let bytes = serde_json::to_vec(value).map_err(|_| VaultError::NotJson {
            key: key.to_owned(),
        })?;
        self.put_owned(key, bytes, seal).await
    }

    /// Whether there is such an object.
    ///
    /// # Errors
    ///
    /// The error of the request.
    pub async fn exists(&self, key: &str) -> Result<bool, VaultError> {
        let answer = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        match answer.map_err(|error| VaultError::from_sdk(key, error)) {
            Ok(_) => Ok(true),
            Err(VaultError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes an object; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// The error of the request.
    pub async fn delete(&self, key: &str) -> Result<(), VaultError> {
        let answer = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        match answer.map_err(|error| VaultError::from_sdk(key, error)) {
            Ok(_) | Err(VaultError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The objects whose keys begin with `prefix`, page by page, in the order
    /// of their keys.
    #[must_use]
    pub fn list(&self, prefix: &str) -> ObjectPages {
        ObjectPages::new(self.client.clone(), self.bucket.clone(), prefix.to_owned())
    }

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

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("bucket", &self.bucket)
            .field("keys", &self.keys)
            .field("compression", &self.compression)
            .finish_non_exhaustive()
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

/// The error inside an I/O error of our own reader or writer.
pub(crate) fn vault_error(key: &str, error: &io::Error) -> VaultError {
    VaultError::from_io(error)
        .cloned()
        .unwrap_or_else(|| VaultError::Scratch {
            key: key.to_owned(),
            kind: error.kind(),
        })
}

/// Runs `work` where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    key: &str,
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(VaultError::unavailable(key, error)))
}

fn parse_json<T: DeserializeOwned>(key: &str, reader: ObjectReader) -> Result<T, VaultError> {
    let mut reader = BufReader::new(reader);
    skip_mark(&mut reader).map_err(|error| vault_error(key, &error))?;
    serde_json::from_reader(reader).map_err(|error| {
        let why = Unreadable::Json {
            line: error.line(),
            column: error.column(),
        };
        match error.io_error_kind() {
            None => VaultError::unreadable(key, why),
            Some(_) => vault_error(key, &error.into()),
        }
    })
}

fn skip_mark(reader: &mut impl io::BufRead) -> io::Result<()> {
    if reader.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
        reader.consume(3);
    }
    Ok(())
}

impl StoredAs {
    /// Whether the first of the keys, or no key at all, opens the object.
    #[must_use]
    pub fn is_current(self) -> bool {
        matches!(self, Self::Plain | Self::Sealed { key_index: 0, .. })
    }
}
