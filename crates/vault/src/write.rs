//! Writing an object: hash it, compress it, encrypt it, and upload it in parts as it grows.

mod encoder;
mod encoding;
mod upload;
mod worker;
mod writer;

pub use encoder::Compression;
pub(crate) use encoder::Encoder;
pub use encoding::ObjectInfo;
pub(crate) use upload::Target;
pub use writer::ObjectWriter;
