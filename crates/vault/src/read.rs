//! Reading an object: fetch it, spool it, authenticate it, and only then return its bytes.

mod ahead;
mod fetch;
mod reader;
mod sealed;
mod spooler;

pub(crate) use fetch::{Fetched, Source, spool_error};
pub use reader::{ObjectReader, StoredAs, StoredInfo};
pub use sealed::SealedReader;
#[cfg(test)]
pub(crate) use spooler::SPOOL_MEMORY;
pub(crate) use spooler::{Spooled, Spooler};
