//! JSON arrays, read and written as streams: memory holds one element at a time.

mod array_writer;
mod elements;
mod error;
pub(crate) mod window;

pub use array_writer::ArrayWriter;
pub use elements::Elements;
pub use error::JsonError;

#[cfg(test)]
mod tests;
