#![doc = include_str!("../README.md")]

mod aws;
mod blocking;
mod error;
mod fernet;
mod listing;
mod read;
mod rotate;
mod vault;
mod write;

#[cfg(test)]
mod tests;

pub use crate::fernet::{FernetKeys, KeyError};
pub use aws::{AwsOptions, s3_client};
pub use error::{Unreadable, VaultError, root_cause};
pub use listing::{ListedObject, ObjectPages};
pub use read::{ObjectReader, StoredAs, StoredInfo};
pub use rotate::{RotationFailure, RotationOutcome, RotationProgress, RotationReport};
pub use vault::{ObjectHead, Seal, Vault};
pub use write::{Compression, ObjectInfo, ObjectWriter, PreparedObject, WriteCondition};
