//! The Fernet token, the encrypted form of an object: its layout, its keys, and a codec that never
//! holds a whole token in memory.

mod keys;
mod layout;
mod sealer;
mod token;
mod unsealer;

pub use keys::{FernetKeys, KeyError};
#[cfg(test)]
pub(crate) use layout::{BLOCK_BYTES, HEADER_BYTES};
pub(crate) use sealer::Sealer;
pub(crate) use token::Token;
pub(crate) use unsealer::Unsealer;
