//! Writing an object: hash it, compress it, encrypt it, and upload it in parts as it grows.

mod condition;
mod encoder;
mod encoding;
mod prepared;
mod upload;
mod worker;
mod writer;

pub use condition::WriteCondition;
pub use encoder::Compression;
pub(crate) use encoder::Encoder;
pub use encoding::ObjectInfo;
pub use prepared::PreparedObject;
pub(crate) use upload::{Target, Uploading};
pub use writer::ObjectWriter;
