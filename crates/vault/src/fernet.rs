//! The Fernet token, the encrypted form of an object: its layout, its keys, and a codec that never
//! holds a whole token in memory.
//!
//! A token is this, in URL-safe base64:
//!
//! ```text
//! version (1 byte) | seconds since 1970 (8) | initialization vector (16) | ciphertext | HMAC (32)
//! ```
//!
//! The ciphertext is AES-128-CBC with PKCS #7 padding. The HMAC-SHA-256 covers all bytes before it.

mod keys;
mod sealer;
mod token;
mod unsealer;

pub use keys::{FernetKeys, KeyError};
pub(crate) use sealer::Sealer;
pub(crate) use token::Token;
pub(crate) use unsealer::Unsealer;

/// The first byte of every token.
const VERSION: u8 = 0x80;
const TIMESTAMP_BYTES: usize = 8;
const IV_BYTES: usize = 16;
/// What precedes the ciphertext: version, timestamp, initialization vector.
pub(crate) const HEADER_BYTES: usize = 1 + TIMESTAMP_BYTES + IV_BYTES;
/// The cipher works on blocks of this size.
pub(crate) const BLOCK_BYTES: usize = 16;
const HMAC_BYTES: usize = 32;
