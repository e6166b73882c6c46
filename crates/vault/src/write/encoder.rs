//! From plain bytes to the bytes of an object: compression and encryption, each optional.

use std::io;

use serde::{Deserialize, Serialize};
use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, compress_bound};

use crate::fernet::{FernetKeys, Sealer};
use crate::place::Place;

/// Level 3 takes twice the time of level 1 and compresses GPS traces less: they have no long
/// matches.
const ZSTD_LEVEL: i32 = 1;
/// Trips repeat what is close by. A table of 2,048 entries, an eighth of the level's default, fits
/// into the fastest cache and points at the nearest match. Measured: a third faster, and a
/// twentieth less to store.
const ZSTD_HASH_LOG: u32 = 11;
/// A shorter match costs more to encode than it saves.
const ZSTD_MIN_MATCH: u32 = 6;

/// How the content of a sealed object is compressed before it is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// With zstd.
    #[default]
    Zstd,
    /// Not at all, so that tools that know only Fernet can read the object.
    None,
}

/// Turns what a caller writes into the bytes of the object.
pub(crate) struct Encoder {
    zstd: Option<Frames>,
    sealer: Option<Sealer>,
}

impl Encoder {
    /// The bytes of the object are those that were written.
    pub(crate) fn plain() -> Self {
        Self {
            zstd: None,
            sealer: None,
        }
    }

    /// The object is a token under the first key. Its header is appended to `out`.
    ///
    /// Compressed content begins with its place. Tools that know only Fernet could not read
    /// anything before content that is not compressed.
    pub(crate) fn sealed(
        keys: &FernetKeys,
        compression: Compression,
        place: &Place,
        out: &mut Vec<u8>,
    ) -> io::Result<Self> {
        let mut sealer = Sealer::new(keys.first(), out);
        let zstd = match compression {
            Compression::Zstd => {
                sealer.push(&place.frames(), out);
                Some(Frames::new()?)
            }
            Compression::None => None,
        };
        Ok(Self {
            zstd,
            sealer: Some(sealer),
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

    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        if let Some(sealer) = self.sealer {
            sealer.finish(out);
        }
    }
}

fn seal(sealer: Option<&mut Sealer>, bytes: &[u8], out: &mut Vec<u8>) {
    match sealer {
        Some(sealer) => sealer.push(bytes, out),
        None => out.extend_from_slice(bytes),
    }
}

/// zstd with one frame for each piece. A sequence of frames decompresses as one content.
///
/// A single stream would first copy every byte into a window, and would search that in two parts
/// wherever it wraps around. With pieces of half a megabyte the ratio is the same.
struct Frames {
    compressor: Compressor<'static>,
    frame: Vec<u8>,
}

impl Frames {
    fn new() -> io::Result<Self> {
        let mut compressor = Compressor::new(ZSTD_LEVEL)?;
        compressor.set_parameter(CParameter::HashLog(ZSTD_HASH_LOG))?;
        compressor.set_parameter(CParameter::MinMatch(ZSTD_MIN_MATCH))?;
        Ok(Self {
            compressor,
            frame: Vec::new(),
        })
    }

    fn compress(&mut self, bytes: &[u8]) -> io::Result<&[u8]> {
        self.frame.clear();
        self.frame.reserve(compress_bound(bytes.len()));
        self.compressor.compress_to_buffer(bytes, &mut self.frame)?;
        Ok(&self.frame)
    }
}
