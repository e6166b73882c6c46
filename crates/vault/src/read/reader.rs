//! The content of an object, decrypted and decompressed as it is read.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};

use tempfile::SpooledTempFile;
use zstd::stream::read::Decoder;

use crate::error::{Unreadable, VaultError};
use crate::fernet::Unsealer;
use crate::object_version::ObjectVersion;
use crate::place::{Head, Place};
use crate::read::ahead::ReadAhead;
use crate::read::sealed::SealedReader;
use crate::read::spooler::Spooled;

/// An object with more bytes in the bucket is decrypted and decompressed on a thread of its own.
/// Most objects are smaller and not worth a thread.
const LARGE: u64 = 1024 * 1024;

/// How an object is stored in the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredAs {
    /// Unencrypted JSON.
    Plain,
    /// A Fernet token.
    Sealed {
        /// The index of the key that opens it. An index other than 0 means that a rotation is due.
        key_index: usize,
        /// Whether the content is compressed with zstd.
        compressed: bool,
    },
}

/// What is known about an object that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInfo {
    /// The object's key.
    pub key: String,
    /// Its entity tag, which changes with its content.
    pub etag: Option<String>,
    /// The id of its version, if the bucket keeps versions.
    pub version_id: Option<String>,
    /// Bytes in the bucket.
    pub stored_bytes: u64,
    /// How it is stored.
    pub stored_as: StoredAs,
    /// The place that is sealed together with its content. Plain, uncompressed and older objects
    /// have none.
    pub place: Option<Place>,
}

impl StoredInfo {
    /// Which version of the object was opened; `None` if the bucket named no entity tag.
    #[must_use]
    pub fn version(&self) -> Option<ObjectVersion> {
        ObjectVersion::of(self.etag.as_ref(), self.version_id.as_ref())
    }
}

/// The content of an object, as it was written.
///
/// The object has been downloaded whole and, if it was sealed, authenticated before the first byte
/// can be read. Reading blocks and works (it decrypts, perhaps from a temporary file), so do it on
/// a blocking thread. Put a [`BufReader`] around it for a parser that reads byte by byte.
///
/// # Panics
///
/// Reading a large object from asynchronous code panics when it would have to wait.
pub struct ObjectReader {
    info: StoredInfo,
    content: Content,
}

enum Content {
    Plain(SpooledTempFile),
    Sealed(Peeked),
    Compressed(Box<Decoder<'static, BufReader<Peeked>>>),
    Ahead(ReadAhead),
}

/// The content of a token, with its first bytes put back.
type Peeked = io::Chain<Cursor<Vec<u8>>, Box<Unsealer>>;

impl ObjectReader {
    pub(crate) fn new(
        key: &str,
        etag: Option<String>,
        stored_bytes: u64,
        spooled: Spooled,
    ) -> Result<Self, VaultError> {
        let Opened {
            content,
            stored_as,
            place,
        } = Opened::of_spooled(spooled).map_err(|error| content_error(key, &error))?;
        let info = StoredInfo {
            key: key.to_owned(),
            etag,
            version_id: None,
            stored_bytes,
            stored_as,
            place,
        };
        let content = match content {
            Content::Sealed(_) | Content::Compressed(_) if stored_bytes > LARGE => {
                Content::Ahead(ReadAhead::new(content))
            }
            content => content,
        };
        Ok(Self { info, content })
    }

    /// The same reader, of this version of the object.
    pub(crate) fn with_version_id(mut self, version_id: Option<String>) -> Self {
        self.info.version_id = version_id;
        self
    }

    /// What is known about the object.
    #[must_use]
    pub fn info(&self) -> &StoredInfo {
        &self.info
    }

    /// The content, if the object is sealed and lies where it belongs.
    ///
    /// # Errors
    ///
    /// [`Unreadable::NotSealed`], [`Unreadable::Misplaced`].
    pub fn into_sealed(self) -> Result<SealedReader, VaultError> {
        SealedReader::new(self)
    }
}

/// The content of an object, and what its first bytes say about it.
struct Opened {
    content: Content,
    stored_as: StoredAs,
    place: Option<Place>,
}

impl Opened {
    fn of_spooled(spooled: Spooled) -> io::Result<Self> {
        match spooled {
            Spooled::Plain(spool) => Ok(Self {
                content: Content::Plain(spool),
                stored_as: StoredAs::Plain,
                place: None,
            }),
            Spooled::Sealed { content, key_index } => Self::of_token(content, key_index),
        }
    }

    fn of_token(mut content: Box<Unsealer>, key_index: usize) -> io::Result<Self> {
        let Head {
            bytes,
            is_compressed,
            place,
        } = Head::read(&mut content)?;
        let whole = Cursor::new(bytes).chain(content);
        Ok(Self {
            content: if is_compressed {
                Content::Compressed(Box::new(Decoder::new(whole)?))
            } else {
                Content::Sealed(whole)
            },
            stored_as: StoredAs::Sealed {
                key_index,
                compressed: is_compressed,
            },
            place,
        })
    }
}

impl Read for Content {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(spool) => spool.read(out),
            Self::Sealed(content) => content.read(out),
            Self::Compressed(content) => content.read(out),
            Self::Ahead(content) => content.read(out),
        }
    }
}

impl Read for ObjectReader {
    /// # Errors
    ///
    /// `InvalidData` that holds a [`VaultError`] if the content does not decrypt or decompress,
    /// otherwise the errors of the temporary file.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.content.read(out).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => content_error(&self.info.key, &error).into(),
        })
    }
}

fn content_error(key: &str, error: &io::Error) -> VaultError {
    match error.kind() {
        // zstd's errors have no kind of their own.
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => {
            VaultError::unreadable(key, Unreadable::Content)
        }
        kind => VaultError::scratch(key, kind),
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}
