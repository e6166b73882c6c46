//! The bucket with its keys: the operations on single objects.

use std::fmt;
use std::io::{Read, Write as _};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use trips::text::strip_byte_order_mark;

use crate::blocking::blocking;
use crate::bucket::Bucket;
use crate::error::{Unreadable, VaultError, vault_error};
use crate::fernet::FernetKeys;
use crate::key_ring::{KeyRing, ReadKeys};
use crate::listing::{ObjectPages, folders};
use crate::object_version::ObjectVersion;
use crate::place::Place;
use crate::read::{Fetched, ObjectReader, SealedReader, Source, StoredInfo};
use crate::write::{
    Compression, Encoder, ObjectInfo, ObjectWriter, PreparedObject, Target, Uploading,
    WriteCondition,
};

/// Whether an object is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// A Fernet token under the first key.
    Encrypt,
    /// The bytes as they are. Only JSON objects and arrays can be opened again, because the first
    /// byte of an object tells whether it is a token.
    Plain,
}

/// What the bucket says about an object without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// Its entity tag, which changes with its content.
    pub etag: Option<String>,
    /// The id of its version, if the bucket keeps versions.
    pub version_id: Option<String>,
    /// When it was last written.
    pub modified: Option<SystemTime>,
    /// What a browser takes it for.
    pub content_type: Option<String>,
}

impl ObjectHead {
    /// Which version of the object is there; `None` if the bucket named no entity tag.
    #[must_use]
    pub fn version(&self) -> Option<ObjectVersion> {
        ObjectVersion::of(self.etag.as_ref(), self.version_id.as_ref())
    }
}

/// A bucket and the keys to its objects. Cloning is cheap.
#[derive(Clone)]
pub struct Vault {
    pub(crate) client: Client,
    pub(crate) bucket: Bucket,
    pub(crate) keys: KeyRing,
    compression: Compression,
}

impl Vault {
    /// A vault over `bucket` that writes sealed objects with `compression`.
    #[must_use]
    pub fn new(
        client: Client,
        bucket: impl Into<String>,
        keys: FernetKeys,
        compression: Compression,
    ) -> Self {
        Self {
            client,
            bucket: Bucket::new(bucket.into()),
            keys: KeyRing::new(keys),
            compression,
        }
    }

    /// The same vault, whose errors name the server that has the bucket.
    #[must_use]
    pub fn at(self, host: &str) -> Self {
        Self {
            bucket: self.bucket.at(host),
            ..self
        }
    }

    /// The same vault, which reads the keys again when none of them fits.
    #[must_use]
    pub fn with_key_source(self, source: Box<dyn ReadKeys>) -> Self {
        Self {
            keys: KeyRing::with_source(self.keys.current(), source),
            ..self
        }
    }

    /// Reads the keys again if that was last done longer ago than `max_age`: what is written after
    /// a rotation has to be sealed with the new key, although the old one still fits everything. If
    /// they cannot be read, the vault goes on with those it has until they are `max_age` old three
    /// times over.
    ///
    /// # Errors
    ///
    /// [`VaultError::Keys`]: the keys could not be read for so long.
    pub async fn refresh_keys(&self, max_age: Duration) -> Result<(), VaultError> {
        self.keys.refresh(max_age).await.map_err(VaultError::Keys)
    }

    /// The same vault, but writing with `compression`.
    #[must_use]
    pub fn with_compression(self, compression: Compression) -> Self {
        Self {
            compression,
            ..self
        }
    }

    /// How many keys are configured.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.current().count()
    }

    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        self.bucket.name()
    }

    /// Starts an object. Call this inside a tokio runtime; one of its blocking threads will do.
    /// Nothing is sent before a part of 8 MiB is full or [`ObjectWriter::finish`] is called.
    ///
    /// Only one writer at a time may be at work on a key: the upload of an object in parts first
    /// aborts those that killed writers of the same key have left.
    #[must_use]
    pub fn create(&self, key: impl Into<String>, seal: Seal) -> ObjectWriter {
        self.create_with(key.into(), seal, Uploading::AtOnce)
    }

    /// Starts an object whose key may change before it becomes visible
    /// ([`Vault::move_to`]). Its bytes are kept in
    /// memory and, beyond 8 MiB, in an unlinked temporary file, and are sent when the object is
    /// published.
    #[must_use]
    pub fn create_movable(&self, key: impl Into<String>, seal: Seal) -> ObjectWriter {
        self.create_with(key.into(), seal, Uploading::AtTheEnd)
    }

    fn create_with(&self, key: String, seal: Seal, uploading: Uploading) -> ObjectWriter {
        let target = Target {
            is_only_writer: true,
            ..self.target(key, seal, uploading)
        };
        match seal {
            Seal::Encrypt => {
                let place = Place::of(&target.key);
                ObjectWriter::new(target, |out| {
                    Encoder::sealed(&self.keys.current(), self.compression, &place, out)
                })
            }
            Seal::Plain => ObjectWriter::new(target, |_| Ok(Encoder::plain())),
        }
    }

    /// Starts a token over content that may be compressed already, and then begins with its place.
    pub(crate) fn reseal(&self, key: &str) -> ObjectWriter {
        let target = self.target(key.to_owned(), Seal::Encrypt, Uploading::AtOnce);
        let place = Place::of(key);
        ObjectWriter::new(target, |out| {
            Encoder::sealed(&self.keys.current(), Compression::None, &place, out)
        })
    }

    pub(crate) fn target(&self, key: String, seal: Seal, uploading: Uploading) -> Target {
        Target {
            client: self.client.clone(),
            bucket: self.bucket.clone(),
            content_type: match seal {
                Seal::Encrypt => "application/octet-stream",
                Seal::Plain if key.ends_with(".html") => "text/html; charset=utf-8",
                Seal::Plain => "application/json",
            },
            key,
            upload: format!("{:032x}", rand::random::<u128>()),
            uploading,
            is_only_writer: false,
            is_authenticated: seal == Seal::Encrypt,
        }
    }

    /// Opens an object: downloads it whole into a spool (8 MiB of memory, then an unlinked
    /// temporary file) and authenticates it.
    ///
    /// # Errors
    ///
    /// [`VaultError::NotFound`], [`VaultError::Unreadable`] for an object that is neither JSON nor
    /// a token under one of the keys, or the error of the request.
    pub async fn open(&self, key: &str) -> Result<ObjectReader, VaultError> {
        self.open_version(key, None).await
    }

    /// As [`Vault::open`], of a certain version of the object.
    async fn open_version(
        &self,
        key: &str,
        version: Option<&ObjectVersion>,
    ) -> Result<ObjectReader, VaultError> {
        // Boxed, so that the futures of callers do not nest too deeply.
        let fetched = Box::pin(self.fetch_version(key, version)).await?;
        let owned = key.to_owned();
        blocking(key, move || {
            ObjectReader::new(&owned, fetched.etag, fetched.bytes, fetched.content)
                .map(|reader| reader.with_version_id(fetched.version_id))
        })
        .await
    }

    /// Opens an object that has to be sealed and to lie where it belongs.
    ///
    /// # Errors
    ///
    /// As [`Vault::open`], and [`Unreadable::NotSealed`] or [`Unreadable::Misplaced`].
    pub async fn open_sealed(&self, key: &str) -> Result<SealedReader, VaultError> {
        self.open(key).await?.into_sealed()
    }

    pub(crate) async fn fetch(&self, key: &str) -> Result<Fetched, VaultError> {
        self.fetch_version(key, None).await
    }

    async fn fetch_version(
        &self,
        key: &str,
        version: Option<&ObjectVersion>,
    ) -> Result<Fetched, VaultError> {
        let source = Source {
            client: &self.client,
            bucket: &self.bucket,
            keys: &self.keys,
            key,
            version,
        };
        source.fetch().await
    }

    /// Reads the whole content of an object that is known to be small.
    ///
    /// # Errors
    ///
    /// As [`Vault::open`].
    pub async fn get_bytes(&self, key: &str) -> Result<Vec<u8>, VaultError> {
        read_all(key, self.open(key).await?).await
    }

    /// As [`Vault::get_bytes`], with what is known about the object.
    ///
    /// # Errors
    ///
    /// As [`Vault::open`].
    pub async fn get_with_info(&self, key: &str) -> Result<(Vec<u8>, StoredInfo), VaultError> {
        self.get_version(key, None).await
    }

    /// As [`Vault::get_with_info`], of a certain version of the object if one is given.
    ///
    /// # Errors
    ///
    /// As [`Vault::open`]; [`VaultError::Changed`] or [`VaultError::NotFound`] if the bucket no
    /// longer has the version.
    pub async fn get_version(
        &self,
        key: &str,
        version: Option<&ObjectVersion>,
    ) -> Result<(Vec<u8>, StoredInfo), VaultError> {
        let reader = self.open_version(key, version).await?;
        let info = reader.info().clone();
        Ok((read_all(key, reader).await?, info))
    }

    /// As [`Vault::get_bytes`], of an object that has to be sealed.
    ///
    /// # Errors
    ///
    /// As [`Vault::open_sealed`].
    pub async fn get_sealed_bytes(&self, key: &str) -> Result<Vec<u8>, VaultError> {
        read_all(key, self.open_sealed(key).await?).await
    }

    /// Reads a small object as JSON. A byte order mark before it is skipped.
    ///
    /// # Errors
    ///
    /// As [`Vault::open`], and [`Unreadable::Json`], which names the place of the fault but nothing
    /// of the text.
    pub async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<T, VaultError> {
        from_json(key, &self.get_bytes(key).await?)
    }

    /// As [`Vault::get_json`], of an object that has to be sealed.
    ///
    /// # Errors
    ///
    /// As [`Vault::open_sealed`], and [`Unreadable::Json`].
    pub async fn get_sealed_json<T: DeserializeOwned>(&self, key: &str) -> Result<T, VaultError> {
        from_json(key, &self.get_sealed_bytes(key).await?)
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
        self.put_bytes_if(key, bytes, seal, WriteCondition::Always)
            .await
    }

    /// Writes a small object under a condition.
    ///
    /// # Errors
    ///
    /// The error of the upload; [`VaultError::Changed`] if the condition is not met.
    pub async fn put_bytes_if(
        &self,
        key: &str,
        bytes: &[u8],
        seal: Seal,
        condition: WriteCondition,
    ) -> Result<ObjectInfo, VaultError> {
        let prepared = self.prepare_owned(key, bytes.to_vec(), seal).await?;
        prepared.publish(condition).await
    }

    async fn prepare_owned(
        &self,
        key: &str,
        bytes: Vec<u8>,
        seal: Seal,
    ) -> Result<PreparedObject, VaultError> {
        let (mut writer, owned) = (self.create(key, seal), key.to_owned());
        let writer = blocking(key, move || {
            writer
                .write_all(&bytes)
                .map_err(|error| vault_error(&owned, &error))?;
            Ok(writer)
        })
        .await?;
        writer.prepare().await
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
        let prepared = self.prepare_json(key, value, seal).await?;
        prepared.publish(WriteCondition::Always).await
    }

    /// Encodes a value as JSON. The object is not visible yet.
    ///
    /// # Errors
    ///
    /// [`VaultError::NotJson`] if the value cannot be written as JSON, or the error of the upload.
    pub async fn prepare_json<T>(
        &self,
        key: &str,
        value: &T,
        seal: Seal,
    ) -> Result<PreparedObject, VaultError>
    where
        T: Serialize + Sync + ?Sized,
    {
        let bytes = serde_json::to_vec(value).map_err(|_| VaultError::NotJson {
            key: key.to_owned(),
        })?;
        self.prepare_owned(key, bytes, seal).await
    }

    /// Returns whether the object exists.
    ///
    /// # Errors
    ///
    /// The error of the request.
    pub async fn exists(&self, key: &str) -> Result<bool, VaultError> {
        Ok(self.head(key).await?.is_some())
    }

    /// Returns what the bucket says about an object without its content; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The error of the request.
    pub async fn head(&self, key: &str) -> Result<Option<ObjectHead>, VaultError> {
        let result = self
            .client
            .head_object()
            .bucket(self.bucket.name())
            .key(key)
            .send()
            .await;
        match result.map_err(|error| self.bucket.error(key, error)) {
            Ok(head) => Ok(Some(ObjectHead {
                etag: head.e_tag,
                version_id: head.version_id,
                modified: head.last_modified.and_then(|at| at.try_into().ok()),
                content_type: head.content_type,
            })),
            Err(VaultError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Copies an object within the bucket, byte for byte, if it still has this entity tag.
    ///
    /// # Errors
    ///
    /// [`VaultError::Changed`] if it has another one, [`VaultError::NotFound`], or the error of the
    /// request.
    pub async fn copy(&self, from: &str, etag: Option<&str>, to: &str) -> Result<(), VaultError> {
        self.client
            .copy_object()
            .bucket(self.bucket.name())
            .copy_source(format!("{}/{from}", self.bucket.name()))
            .set_copy_source_if_match(etag.map(str::to_owned))
            .key(to)
            .send()
            .await
            .map_err(|error| self.bucket.error(from, error))?;
        Ok(())
    }

    /// Lists the objects whose keys begin with `prefix`, page by page, in the order of their keys.
    #[must_use]
    pub fn list(&self, prefix: &str) -> ObjectPages {
        ObjectPages::new(self.client.clone(), self.bucket.clone(), prefix.to_owned())
    }

    /// The names of the folders directly in the folder `prefix`, which ends with a slash, in their
    /// order. What is in them is not listed.
    ///
    /// # Errors
    ///
    /// The error of the request.
    pub async fn folders(&self, prefix: &str) -> Result<Vec<String>, VaultError> {
        folders(&self.client, &self.bucket, prefix).await
    }
}

async fn read_all(
    key: &str,
    mut reader: impl Read + Send + 'static,
) -> Result<Vec<u8>, VaultError> {
    let owned = key.to_owned();
    blocking(key, move || {
        let mut bytes = Vec::new();
        reader
            .read_to_end(&mut bytes)
            .map_err(|error| vault_error(&owned, &error))?;
        Ok(bytes)
    })
    .await
}

fn from_json<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, VaultError> {
    serde_json::from_slice(strip_byte_order_mark(bytes)).map_err(|error| {
        let why = Unreadable::Json {
            line: error.line(),
            column: error.column(),
        };
        VaultError::unreadable(key, why)
    })
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("bucket", &self.bucket)
            .field("keys", &self.keys.current())
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}
