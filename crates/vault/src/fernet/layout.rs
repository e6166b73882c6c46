//! The layout of a token.
//!
//! A token is this, in URL-safe base64:
//!
//! ```text
//! version (1 byte) | seconds since 1970 (8) | initialization vector (16) | ciphertext | HMAC (32)
//! ```
//!
//! The ciphertext is AES-128-CBC with PKCS #7 padding. The HMAC-SHA-256 covers all bytes before it.

/// The first byte of every token.
pub(super) const VERSION: u8 = 0x80;
pub(super) const TIMESTAMP_BYTES: usize = 8;
pub(super) const IV_BYTES: usize = 16;
/// What precedes the ciphertext: version, timestamp, initialization vector.
pub(crate) const HEADER_BYTES: usize = 1 + TIMESTAMP_BYTES + IV_BYTES;
/// The cipher works on blocks of this size.
pub(crate) const BLOCK_BYTES: usize = 16;
pub(super) const HMAC_BYTES: usize = 32;
