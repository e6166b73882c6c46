use std::fmt;
use std::io::{self, BufReader, Read as _, Write as _};

use aws_sdk_s3::Client;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::blocking::blocking;
use crate::error::{Unreadable, VaultError, vault_error};
use crate::keys::FernetKeys;
use crate::listing::ObjectPages;
use crate::reader::ObjectReader;
use crate::sealer::Encoder;
use crate::upload::Target;
use crate::writer::{ObjectInfo, ObjectWriter};

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
    /// The bytes as they are. Only JSON objects and arrays can be opened again: they are told from
    /// tokens by their first byte.
    Plain,
}

/// The bucket and the keys to its objects. Cloning is cheap.
#[derive(Clone)]
pub struct Vault {
    pub(crate) client: Client,
    pub(crate) bucket: String,
    pub(crate) keys: FernetKeys,
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

    /// Starts an object. Call it inside a tokio runtime (a blocking thread of one will do); nothing
    /// is sent before there is a part of 8 MiB or [`ObjectWriter::finish`].
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

    /// A token over bytes that may be compressed already, which replaces nothing but the object
    /// with this entity tag.
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
            is_authenticated: seal == Seal::Encrypt,
        }
    }

    /// Opens an object: reads it whole into a spool (8 MiB of memory, then an unlinked temporary
    /// file) and authenticates it.
    ///
    /// # Errors
    ///
    /// [`VaultError::NotFound`], [`VaultError::Unreadable`] for what is neither JSON nor a token
    /// that one of the keys fits, or the error of the request.
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
    /// As [`Vault::open`], and [`Unreadable::Json`], which tells the place of the fault and nothing
    /// of the text.
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
    /// [`VaultError::NotJson`] if the value cannot be written as JSON, or the error of the upload.
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

    /// Copies an object as it is, within the bucket.
    ///
    /// # Errors
    ///
    /// [`VaultError::NotFound`], or the error of the request.
    pub async fn copy(&self, from: &str, to: &str) -> Result<(), VaultError> {
        self.client
            .copy_object()
            .bucket(&self.bucket)
            .copy_source(format!("{}/{from}", self.bucket))
            .key(to)
            .send()
            .await
            .map_err(|error| VaultError::from_sdk(from, error))?;
        Ok(())
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

    /// The objects whose keys begin with `prefix`, page by page, in the order of their keys.
    #[must_use]
    pub fn list(&self, prefix: &str) -> ObjectPages {
        ObjectPages::new(self.client.clone(), self.bucket.clone(), prefix.to_owned())
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
