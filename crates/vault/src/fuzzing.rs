//! Ways into the parsers that only fuzzing needs: objects without a bucket.

use std::io;

use crate::error::{SpoolError, Unreadable, VaultError};
use crate::fernet::FernetKeys;
use crate::place::Place;
use crate::read::{ObjectReader, Spooler};
use crate::write::{Compression, Encoder};

/// The bytes of an object, sealed as they are stored under `key`.
///
/// # Errors
///
/// Those of the compressor.
pub fn seal(
    keys: &FernetKeys,
    compression: Compression,
    key: &str,
    content: &[u8],
) -> io::Result<Vec<u8>> {
    let mut stored = Vec::new();
    let mut encoder = Encoder::sealed(keys, compression, &Place::of(key), &mut stored)?;
    encoder.push(content, &mut stored)?;
    encoder.finish(&mut stored);
    Ok(stored)
}

/// Opens the bytes of an object, which arrive in pieces of this size.
///
/// # Errors
///
/// [`VaultError::Unreadable`].
pub fn open(
    keys: &FernetKeys,
    key: &str,
    stored: &[u8],
    piece_bytes: usize,
) -> Result<ObjectReader, VaultError> {
    let mut spooler = Spooler::new(keys.clone());
    let spooled = stored
        .chunks(piece_bytes.max(1))
        .try_for_each(|piece| spooler.push(piece))
        .and_then(|()| spooler.finish())
        .map_err(|error| match error {
            SpoolError::Unreadable(why) => VaultError::unreadable(key, why),
            SpoolError::Scratch(_) => VaultError::unreadable(key, Unreadable::Unknown),
        })?;
    ObjectReader::new(key, None, stored.len() as u64, spooled)
}
