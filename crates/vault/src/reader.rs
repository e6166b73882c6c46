use std::io::{self, BufReader, Cursor, Read};

use tempfile::SpooledTempFile;

use crate::ahead::ReadAhead;
use crate::error::{Unreadable, VaultError};
use crate::spooler::Spooled;
use crate::unsealer::Unsealer;

/// A larger object, in bytes of the bucket, is decrypted and decompressed on a thread beside its
/// reader's; most are smaller, and not worth one.
const LARGE: u64 = 1024 * 1024;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// How an object is kept in the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredAs {
    /// JSON that anybody can read.
    Plain,
    /// A Fernet token.
    Sealed {
        /// Which of the keys opens it, from 0. Not 0: a rotation is due.
        key_index: usize,
        /// Whether the content is compressed with zstd.
        compressed: bool,
    },
}

impl StoredAs {
    /// Whether the first of the keys, or no key at all, opens the object.
    #[must_use]
    pub fn is_current(self) -> bool {
        matches!(self, Self::Plain | Self::Sealed { key_index: 0, .. })
    }
}

/// What is known about an object that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInfo {
    /// The object's key.
    pub key: String,
    /// Its entity tag, which changes with its content.
    pub etag: Option<String>,
    /// Bytes in the bucket.
    pub stored_bytes: u64,
    /// How it is kept.
    pub stored_as: StoredAs,
}

/// The content of an object, as it was written.
///
/// Every byte it gives comes from an object that was read whole and, if it was sealed,
/// authenticated. Reads are blocking and do work (decryption, perhaps a temporary file): use it on
/// a blocking thread, and put a [`std::io::BufReader`] around it for a parser that reads byte by
/// byte.
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
    Compressed(Box<zstd::stream::read::Decoder<'static, BufReader<Peeked>>>),
    Ahead(ReadAhead),
}

/// A token's content with its first bytes put back.
type Peeked = io::Chain<Cursor<Vec<u8>>, Box<Unsealer>>;

impl ObjectReader {
    pub(crate) fn new(
        key: &str,
        etag: Option<String>,
        stored_bytes: u64,
        taken: Spooled,
    ) -> Result<Self, VaultError> {
        let (content, stored_as) = match taken {
            Spooled::Plain(spool) => (Content::Plain(spool), StoredAs::Plain),
            Spooled::Sealed { content, key_index } => {
                let content = Content::of_token(content).map_err(|error| fault(key, &error))?;
                let compressed = matches!(content, Content::Compressed(_));
                (
                    content,
                    StoredAs::Sealed {
                        key_index,
                        compressed,
                    },
                )
            }
        };
        let info = StoredInfo {
            key: key.to_owned(),
            etag,
            stored_bytes,
            stored_as,
        };
        let content = match content {
            Content::Sealed(_) | Content::Compressed(_) if stored_bytes > LARGE => {
                Content::Ahead(ReadAhead::new(content))
            }
            content => content,
        };
        Ok(Self { info, content })
    }

    /// What is known about the object.
    #[must_use]
    pub fn info(&self) -> &StoredInfo {
        &self.info
    }
}

impl Content {
    fn of_token(mut content: Box<Unsealer>) -> io::Result<Self> {
        let mut head = Vec::with_capacity(ZSTD_MAGIC.len());
        content
            .by_ref()
            .take(ZSTD_MAGIC.len() as u64)
            .read_to_end(&mut head)?;
        let compressed = head == ZSTD_MAGIC;
        let whole = Cursor::new(head).chain(content);
        if !compressed {
            return Ok(Self::Sealed(whole));
        }
        Ok(Self::Compressed(Box::new(
            zstd::stream::read::Decoder::new(whole)?,
        )))
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
    /// `InvalidData` holding a [`VaultError`] if the content does not decrypt or decompress; the
    /// temporary file's own errors otherwise.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.content
            .read(out)
            .map_err(|error| explain(&self.info.key, error))
    }
}

fn explain(key: &str, error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted => error,
        _ => fault(key, &error).into(),
    }
}

fn fault(key: &str, error: &io::Error) -> VaultError {
    match error.kind() {
        // zstd's own errors carry no kind of their own.
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => {
            VaultError::unreadable(key, Unreadable::Content)
        }
        kind => VaultError::Scratch {
            key: key.to_owned(),
            kind,
        },
    }
}

impl std::fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectReader")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}
