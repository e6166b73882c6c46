//! Authentication: from the text of a token to its bytes, which one of the keys has to verify.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tempfile::SpooledTempFile;

use super::keys::{FernetKey, FernetKeys};
use super::layout::{BLOCK_BYTES, HEADER_BYTES, HMAC_BYTES, VERSION};
use super::unsealer::Unsealer;
use crate::error::{SpoolError, Unreadable};

/// A Fernet token that is arriving. Its bytes go to a spool, without the HMAC at the end.
///
/// One HMAC per key is computed on the way, so that nothing has to be read twice.
pub(crate) struct Token {
    keys: FernetKeys,
    macs: Vec<Hmac<Sha256>>,
    /// Fewer than four base64 characters, kept until more arrive.
    text: Vec<u8>,
    /// The padding has arrived, so nothing may follow.
    has_ended: bool,
    /// The last decoded bytes, which may be the HMAC.
    tail: Vec<u8>,
    /// How many bytes before `tail` have been spooled.
    spooled_bytes: u64,
}

impl Token {
    pub(crate) fn new(keys: FernetKeys) -> Self {
        Self {
            macs: keys.iter().map(FernetKey::mac).collect(),
            keys,
            text: Vec::new(),
            has_ended: false,
            tail: Vec::new(),
            spooled_bytes: 0,
        }
    }

    /// Decodes the next piece of the text. White space is ignored.
    pub(crate) fn push(&mut self, text: &[u8], spool: &mut impl Write) -> Result<(), SpoolError> {
        self.text
            .extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
        if self.has_ended && !self.text.is_empty() {
            return Err(Unreadable::Unknown.into());
        }
        self.decode()?;
        self.release(spool)?;
        Ok(())
    }

    /// Decodes the complete groups of four characters.
    fn decode(&mut self) -> Result<(), Unreadable> {
        let is_start = self.spooled_bytes == 0 && self.tail.is_empty();
        let whole = self.text.len() - self.text.len() % 4;
        URL_SAFE
            .decode_vec(&self.text[..whole], &mut self.tail)
            .map_err(|_| Unreadable::Unknown)?;
        self.has_ended |= self.text[..whole].last() == Some(&b'=');
        self.text.drain(..whole);
        if self.has_ended && !self.text.is_empty() {
            return Err(Unreadable::Unknown);
        }
        if is_start && self.tail.first().is_some_and(|first| *first != VERSION) {
            return Err(Unreadable::Unknown);
        }
        Ok(())
    }

    /// Spools all but the last bytes, which may be the HMAC.
    fn release(&mut self, spool: &mut impl Write) -> io::Result<()> {
        let count = self.tail.len().saturating_sub(HMAC_BYTES);
        for mac in &mut self.macs {
            mac.update(&self.tail[..count]);
        }
        spool.write_all(&self.tail[..count])?;
        self.tail.drain(..count);
        self.spooled_bytes += count as u64;
        Ok(())
    }

    /// Checks the token, and returns its content with the index of the key that fits.
    pub(crate) fn open(self, spool: SpooledTempFile) -> Result<(Unsealer, usize), SpoolError> {
        let keys = self.keys.clone();
        let (key_index, ciphertext) = self.authenticate()?;
        let content = Unsealer::new(spool, keys.get(key_index), ciphertext)?;
        Ok((content, key_index))
    }

    /// Returns the index of the key that authenticates the token, and the length of its ciphertext.
    fn authenticate(self) -> Result<(usize, u64), Unreadable> {
        let ciphertext = self.spooled_bytes.saturating_sub(HEADER_BYTES as u64);
        let is_whole = self.text.is_empty()
            && self.tail.len() == HMAC_BYTES
            && ciphertext > 0
            && ciphertext.is_multiple_of(BLOCK_BYTES as u64);
        if !is_whole {
            return Err(Unreadable::CutShort);
        }
        let keys = self.macs.len();
        self.macs
            .into_iter()
            .position(|mac| mac.verify_slice(&self.tail).is_ok())
            .map(|key_index| (key_index, ciphertext))
            .ok_or(Unreadable::NoKeyFits { keys })
    }
}
