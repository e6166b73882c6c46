//! Encryption: from plain bytes to the text of a token, piece by piece.

use std::time::{SystemTime, UNIX_EPOCH};

use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use cbc::Encryptor;
use cbc::cipher::inout::InOutBuf;
use cbc::cipher::{BlockEncryptMut as _, KeyIvInit as _};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::keys::FernetKey;
use super::layout::{BLOCK_BYTES, HEADER_BYTES, IV_BYTES, TIMESTAMP_BYTES, VERSION};

/// Turns plain bytes into the text of a Fernet token, piece by piece.
pub(crate) struct Sealer {
    cipher: Encryptor<Aes128>,
    mac: Hmac<Sha256>,
    /// Less than a block of plain bytes, kept until more arrive.
    pending: Vec<u8>,
    text: Base64Text,
}

impl Sealer {
    /// Starts a token: appends the text of its header to `out`.
    pub(crate) fn new(key: &FernetKey, out: &mut Vec<u8>) -> Self {
        let iv: [u8; IV_BYTES] = rand::random();
        let mut sealer = Self {
            cipher: Encryptor::new(&key.cipher_key().into(), &iv.into()),
            mac: key.mac(),
            pending: Vec::new(),
            text: Base64Text::default(),
        };
        sealer.emit(&header(&iv), out);
        sealer
    }

    /// Encrypts `plain` and appends the text that is complete to `out`.
    pub(crate) fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let mut blocks = std::mem::take(&mut self.pending);
        blocks.extend_from_slice(plain);
        self.pending = blocks.split_off(blocks.len() - blocks.len() % BLOCK_BYTES);
        self.encrypt(&mut blocks);
        self.emit(&blocks, out);
    }

    /// Appends the rest of the token to `out`.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        let mut last = std::mem::take(&mut self.pending);
        let padding = BLOCK_BYTES - last.len();
        // PKCS #7: each byte of the padding holds the length of the padding.
        last.resize(BLOCK_BYTES, u8::try_from(padding).unwrap_or_default());
        self.encrypt(&mut last);
        self.emit(&last, out);
        let tag = self.mac.finalize().into_bytes();
        self.text.push(&tag, out);
        self.text.finish(out);
    }

    fn encrypt(&mut self, blocks: &mut [u8]) {
        let (blocks, _tail) = InOutBuf::from(blocks).into_chunks();
        self.cipher.encrypt_blocks_inout_mut(blocks);
    }

    fn emit(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.mac.update(bytes);
        self.text.push(bytes, out);
    }
}

fn header(iv: &[u8; IV_BYTES]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[0] = VERSION;
    header[1..=TIMESTAMP_BYTES].copy_from_slice(&seconds_since_1970().to_be_bytes());
    header[1 + TIMESTAMP_BYTES..].copy_from_slice(iv);
    header
}

fn seconds_since_1970() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// URL-safe base64 of a stream, padded at its end.
#[derive(Default)]
struct Base64Text {
    /// Less than three bytes, kept until more arrive.
    pending: Vec<u8>,
    scratch: String,
}

impl Base64Text {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.pending.extend_from_slice(bytes);
        let whole = self.pending.len() - self.pending.len() % 3;
        self.scratch.clear();
        URL_SAFE.encode_string(&self.pending[..whole], &mut self.scratch);
        out.extend_from_slice(self.scratch.as_bytes());
        self.pending.drain(..whole);
    }

    fn finish(self, out: &mut Vec<u8>) {
        out.extend_from_slice(URL_SAFE.encode(&self.pending).as_bytes());
    }
}
