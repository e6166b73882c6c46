//! Objects in the bucket: archives, rows for the portal, manifests and the encrypted configuration
//! files.
//!
//! A sealed object is a Fernet token, the format of Python's `cryptography`, so files go back and
//! forth between this program and the tools before it. Inside the token the bytes may be compressed
//! with zstd; a reader tells that by their magic number and needs no setting.
//!
//! Both ways an object is streamed. [`ObjectWriter`] compresses, encrypts and uploads in parts
//! while it is written to. [`ObjectReader`] spools what the bucket holds, checks its authenticity,
//! and only then gives out bytes. Memory stays at a few parts of 8 MiB whatever the size of the
//! object.
//!
//! An upload that was cut off by the death of the process leaves parts which nobody sees but which
//! are billed: give the bucket a lifecycle rule with `AbortIncompleteMultipartUpload`.

mod ahead;
mod aws;
mod blocking;
mod encoding;
mod error;
mod fetch;
mod keys;
mod listing;
mod reader;
mod rotate;
mod sealer;
mod spooler;
mod unsealer;
mod upload;
mod vault;
mod worker;
mod writer;

#[cfg(test)]
mod codec_tests;

pub use aws::{AwsOptions, s3_client};
pub use error::{Unreadable, VaultError};
pub use keys::{FernetKeys, KeyError};
pub use listing::{ListedObject, ObjectPages};
pub use reader::{ObjectReader, StoredAs, StoredInfo};
pub use rotate::{RotationFailure, RotationOutcome, RotationProgress, RotationReport};
pub use vault::{Compression, Seal, Vault};
pub use writer::{ObjectInfo, ObjectWriter};
