//! Decryption: the content of a token that has been authenticated.

use std::io::{self, BufRead as _, Cursor, Read, Seek as _, SeekFrom};

use aes::Aes128;
use cbc::Decryptor;
use cbc::cipher::inout::InOutBuf;
use cbc::cipher::{BlockDecryptMut as _, KeyIvInit as _};
use tempfile::SpooledTempFile;

use super::keys::FernetKey;
use super::layout::{BLOCK_BYTES, HEADER_BYTES, IV_BYTES};

/// Bytes decrypted at a time: a multiple of the block size.
const STEP_BYTES: usize = 64 * 1024;

/// The content of an authenticated token, decrypted as it is read.
pub(crate) struct Unsealer {
    spool: SpooledTempFile,
    cipher: Decryptor<Aes128>,
    /// Ciphertext that has not been read yet, in bytes.
    left: u64,
    plain: Cursor<Vec<u8>>,
}

impl Unsealer {
    /// `spool` holds the header of a token and `ciphertext` bytes after it. That is one block or
    /// more.
    pub(super) fn new(
        mut spool: SpooledTempFile,
        key: &FernetKey,
        ciphertext: u64,
    ) -> io::Result<Self> {
        let mut iv = [0_u8; IV_BYTES];
        spool.seek(SeekFrom::Start((HEADER_BYTES - IV_BYTES) as u64))?;
        spool.read_exact(&mut iv)?;
        Ok(Self {
            spool,
            cipher: Decryptor::new(&key.cipher_key().into(), &iv.into()),
            left: ciphertext,
            plain: Cursor::default(),
        })
    }

    fn refill(&mut self) -> io::Result<()> {
        let step = usize::try_from(self.left).map_or(STEP_BYTES, |left| left.min(STEP_BYTES));
        let mut bytes = std::mem::take(&mut self.plain).into_inner();
        bytes.resize(step, 0);
        self.spool.read_exact(&mut bytes)?;
        let (blocks, _tail) = InOutBuf::from(bytes.as_mut_slice()).into_chunks();
        self.cipher.decrypt_blocks_inout_mut(blocks);
        self.left -= step as u64;
        if self.left == 0 {
            remove_padding(&mut bytes)?;
        }
        self.plain = Cursor::new(bytes);
        Ok(())
    }
}

impl Read for Unsealer {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left > 0 && self.plain.fill_buf()?.is_empty() {
            self.refill()?;
        }
        self.plain.read(out)
    }
}

/// Removes the padding of PKCS #7: up to a block of bytes, each of which holds their number.
fn remove_padding(bytes: &mut Vec<u8>) -> io::Result<()> {
    let padding = bytes.last().copied().unwrap_or_default();
    let kept = bytes.len().checked_sub(usize::from(padding));
    let is_possible = (1..=BLOCK_BYTES).contains(&usize::from(padding));
    match kept {
        Some(kept) if is_possible && bytes[kept..].iter().all(|byte| *byte == padding) => {
            bytes.truncate(kept);
            Ok(())
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the padding is wrong",
        )),
    }
}
