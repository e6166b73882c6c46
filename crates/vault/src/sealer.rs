use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use cbc::Encryptor;
use cbc::cipher::inout::InOutBuf;
use cbc::cipher::{BlockEncryptMut as _, KeyIvInit as _};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zstd::zstd_safe::CParameter;

use crate::keys::FernetKey;
use crate::vault::Compression;

/// First byte of every Fernet token.
pub(crate) const VERSION: u8 = 0x80;
/// Version, seconds since 1970 (8 bytes, big-endian), initialisation vector.
pub(crate) const HEADER: usize = 1 + 8 + IV;
pub(crate) const IV: usize = 16;
pub(crate) const BLOCK: usize = 16;
/// The HMAC at the end.
pub(crate) const TAG: usize = 32;

/// Of GPS traces level 1 makes less than level 3 does, in half the time: longer matches are not
/// there.
const ZSTD_LEVEL: i32 = 1;
/// What repeats in trips does so nearby. A table of 2,048 places, an eighth of what the level
/// takes, stays in the fastest cache and points at the nearest repetition: a third more speed, and
/// a twentieth less to store.
const ZSTD_HASH_LOG: u32 = 11;
/// Shorter repetitions cost more to name than they save.
const ZSTD_SHORTEST_MATCH: u32 = 6;

/// Turns plain bytes into the text of a Fernet token, piece by piece.
pub(crate) struct Sealer {
    cipher: Encryptor<Aes128>,
    mac: Hmac<Sha256>,
    /// Less than a block that waits for more.
    pending: Vec<u8>,
    text: Base64Text,
}

impl Sealer {
    pub(crate) fn new(key: &FernetKey, out: &mut Vec<u8>) -> Self {
        let iv: [u8; IV] = rand::random();
        let mut header = [0_u8; HEADER];
        header[0] = VERSION;
        header[1..9].copy_from_slice(&seconds_since_1970().to_be_bytes());
        header[9..].copy_from_slice(&iv);
        let mut sealer = Self {
            cipher: Encryptor::new(&key.cipher_key().into(), &iv.into()),
            mac: key.mac(),
            pending: Vec::new(),
            text: Base64Text::default(),
        };
        sealer.emit(&header, out);
        sealer
    }

    /// Encrypts `plain` and appends the text that is ready to `out`.
    pub(crate) fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let mut blocks = std::mem::take(&mut self.pending);
        blocks.extend_from_slice(plain);
        self.pending = blocks.split_off(blocks.len() - blocks.len() % BLOCK);
        self.encrypt(&mut blocks);
        self.emit(&blocks, out);
    }

    /// Appends the rest of the token to `out`.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        let mut last = std::mem::take(&mut self.pending);
        let padding = BLOCK - last.len();
        // PKCS #7: as many bytes as are missing, each holding that number.
        last.resize(BLOCK, u8::try_from(padding).unwrap_or_default());
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

fn seconds_since_1970() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// URL-safe base64 of a stream, padded at its end.
#[derive(Default)]
struct Base64Text {
    /// Less than three bytes that wait for more.
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

/// What stands between the bytes a caller writes and the bytes of the object: compression and
/// encryption, each of them optional.
pub(crate) struct Encoder {
    zstd: Option<Frames>,
    sealer: Option<Sealer>,
}

/// zstd, each piece a frame of its own: their sequence reads as one content. A stream would copy
/// every byte into a window first, and search it in two parts wherever that wraps; pieces of half a
/// megabyte lose nothing of the ratio.
struct Frames {
    compressor: zstd::bulk::Compressor<'static>,
    frame: Vec<u8>,
    has_begun: bool,
}

impl Frames {
    fn new() -> io::Result<Self> {
        let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
        compressor.set_parameter(CParameter::HashLog(ZSTD_HASH_LOG))?;
        compressor.set_parameter(CParameter::MinMatch(ZSTD_SHORTEST_MATCH))?;
        Ok(Self {
            compressor,
            frame: Vec::new(),
            has_begun: false,
        })
    }

    fn compress(&mut self, bytes: &[u8]) -> io::Result<&[u8]> {
        self.has_begun = true;
        self.frame.clear();
        self.frame
            .reserve(zstd::zstd_safe::compress_bound(bytes.len()));
        self.compressor.compress_to_buffer(bytes, &mut self.frame)?;
        Ok(&self.frame)
    }
}

impl Encoder {
    /// Bytes go into the object as they are.
    pub(crate) fn plain() -> Self {
        Self {
            zstd: None,
            sealer: None,
        }
    }

    /// Bytes are compressed (or not) and encrypted; the token's header is appended to `out`.
    pub(crate) fn sealed(
        key: &FernetKey,
        compression: Compression,
        out: &mut Vec<u8>,
    ) -> io::Result<Self> {
        let zstd = match compression {
            Compression::Zstd => Some(Frames::new()?),
            Compression::None => None,
        };
        Ok(Self {
            zstd,
            sealer: Some(Sealer::new(key, out)),
        })
    }

    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let bytes = match &mut self.zstd {
            Some(frames) => frames.compress(bytes)?,
            None => bytes,
        };
        seal(self.sealer.as_mut(), bytes, out);
        Ok(())
    }

    pub(crate) fn finish(mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if let Some(frames) = self.zstd.as_mut().filter(|frames| !frames.has_begun) {
            // No content is a frame, too: it says that it is compressed.
            seal(self.sealer.as_mut(), frames.compress(&[])?, out);
        }
        if let Some(sealer) = self.sealer {
            sealer.finish(out);
        }
        Ok(())
    }
}

fn seal(sealer: Option<&mut Sealer>, bytes: &[u8], out: &mut Vec<u8>) {
    match sealer {
        Some(sealer) => sealer.push(bytes, out),
        None => out.extend_from_slice(bytes),
    }
}
