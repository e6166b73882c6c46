use std::io::{self, Read};

use aes::Aes128;
use cbc::Decryptor;
use cbc::cipher::inout::InOutBuf;
use cbc::cipher::{BlockDecryptMut as _, KeyIvInit as _};
use tempfile::SpooledTempFile;

use crate::keys::FernetKey;
use crate::sealer::{BLOCK, IV};

/// Bytes decrypted at a time; a multiple of the block.
const STEP: usize = 64 * 1024;

/// The content of an authenticated token, decrypted as it is read.
pub(crate) struct Unsealer {
    source: SpooledTempFile,
    cipher: Decryptor<Aes128>,
    /// Ciphertext not read yet, in bytes.
    left: u64,
    buffer: Vec<u8>,
    given: usize,
}

impl Unsealer {
    /// `source` stands at the first of `ciphertext` bytes, a multiple of the block and not 0.
    pub(crate) fn new(
        source: SpooledTempFile,
        key: &FernetKey,
        iv: [u8; IV],
        ciphertext: u64,
    ) -> Self {
        Self {
            source,
            cipher: Decryptor::new(&key.cipher_key().into(), &iv.into()),
            left: ciphertext,
            buffer: Vec::new(),
            given: 0,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        let step = usize::try_from(self.left).map_or(STEP, |left| left.min(STEP));
        self.given = 0;
        self.buffer.resize(step, 0);
        self.source.read_exact(&mut self.buffer)?;
        let (blocks, _tail) = InOutBuf::from(self.buffer.as_mut_slice()).into_chunks();
        self.cipher.decrypt_blocks_inout_mut(blocks);
        self.left -= step as u64;
        if self.left == 0 {
            self.remove_padding()?;
        }
        Ok(())
    }

    fn remove_padding(&mut self) -> io::Result<()> {
        let padding = self.buffer.last().copied().unwrap_or_default();
        let kept = self.buffer.len().checked_sub(usize::from(padding));
        let valid = (1..=BLOCK).contains(&usize::from(padding));
        match kept {
            Some(kept) if valid && self.buffer[kept..].iter().all(|byte| *byte == padding) => {
                self.buffer.truncate(kept);
                Ok(())
            }
            _ => {
                self.buffer.clear();
                Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the padding is wrong",
                ))
            }
        }
    }
}

impl Read for Unsealer {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.buffer.len() && self.left > 0 {
            self.refill()?;
        }
        let ready = &self.buffer[self.given..];
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.given += count;
        Ok(count)
    }
}
