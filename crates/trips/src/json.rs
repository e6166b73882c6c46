//! JSON arrays, read and written as streams: memory holds one element at a time.

mod array_writer;
pub(crate) mod element;
mod elements;
mod error;
mod extent;
pub(crate) mod faulty;
mod non_finite;
mod object;
pub(crate) mod window;

pub use array_writer::ArrayWriter;
pub use elements::Elements;
pub use error::JsonError;
pub use object::{Object, object_in, objects, optional_object};

#[cfg(test)]
mod tests;
