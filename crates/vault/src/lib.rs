#![doc = include_str!("../README.md")]

mod aws;
mod blocking;
mod bucket;
mod error;
mod fernet;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod key_ring;
mod listing;
mod moving;
mod object_version;
mod place;
mod read;
mod rotate;
mod trial;
mod vault;
mod versions;
mod write;

#[cfg(test)]
mod tests;

pub use crate::fernet::{FernetKeys, KeyError};
pub use aws::{AwsOptions, direct_client, s3_client};
pub use error::{Unreadable, VaultError, advice, root_cause};
pub use key_ring::{ReadKeys, ReadKeysError};
pub use listing::{ListedObject, ObjectPages};
pub use object_version::ObjectVersion;
pub use place::{Place, is_configuration, is_copy, may_be_plain};
pub use read::{ObjectReader, SealedReader, StoredAs, StoredInfo};
pub use rotate::{RotationFailure, RotationOutcome, RotationProgress, RotationReport};
pub use trial::Trial;
pub use vault::{ObjectHead, Seal, Vault};
pub use versions::PurgeReport;
pub use write::{Compression, ObjectInfo, ObjectWriter, PreparedObject, WriteCondition};
