//! The place of an object in the bucket, which is sealed together with its content.
//!
//! A token proves that the bytes are ours, but not that they lie where they were put. So compressed
//! content begins with two frames that every reader of zstd skips: an empty one, by which older
//! readers recognise compressed content, and a skippable one that names the place.

use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use trips::block::Stage;
use trips::json::Object;

/// What content that is compressed with zstd begins with.
pub(crate) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// A frame of zstd without content: magic number, a content size of 0, an empty last block.
const EMPTY_FRAME: [u8; 9] = [0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x00, 0x01, 0x00, 0x00];
/// One of the sixteen magic numbers of skippable frames (RFC 8878, 3.1.2).
const SKIPPABLE_MAGIC: [u8; 4] = [0x5B, 0x2A, 0x4D, 0x18];
/// Both, and the four bytes that hold the length of the second frame.
const HEAD_BYTES: usize = EMPTY_FRAME.len() + SKIPPABLE_MAGIC.len() + LENGTH_BYTES;
const LENGTH_BYTES: usize = 4;
/// A key has at most 1,024 bytes, which JSON may escape.
const MAX_PLACE_BYTES: usize = 8 * 1024;

/// What follows the kind in the name of a response that was not believed.
const REFUSED: &str = "refused";

/// The folder of an object, and what kind of object it is there.
///
/// `staging/bird/2020/1/15/12/trips.json` is `trips` of `staging/bird/2020/1/15/12`, and so is its
/// copy `trips.2020-01-16T05-00-00Z.json`, which may be put back. `trips.refused.json` is
/// `trips.refused`: nobody has believed it, so it must not pass for the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    folder: String,
    kind: String,
}

impl Place {
    /// The place of the object with this key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let (folder, name) = key.rsplit_once('/').unwrap_or(("", key));
        let (kind, rest) = name.split_once('.').unwrap_or((name, ""));
        let is_refused = rest.split_once('.').is_some_and(|(it, _)| it == REFUSED);
        Self {
            folder: folder.to_owned(),
            kind: match is_refused {
                true => format!("{kind}.{REFUSED}"),
                false => kind.to_owned(),
            },
        }
    }

    /// Whether content that is sealed with the place `sealed` belongs here. Earlier versions sealed
    /// a refused response as what it would have become.
    pub(crate) fn takes(&self, sealed: &Self) -> bool {
        let is_of_earlier_version = || {
            let kind = self.kind.strip_suffix(REFUSED)?.strip_suffix('.')?;
            Some(self.folder == sealed.folder && kind == sealed.kind)
        };
        self == sealed || is_of_earlier_version() == Some(true)
    }

    /// The frames that name the place.
    pub(crate) fn frames(&self) -> Vec<u8> {
        // Two texts can always be written as JSON.
        let place = serde_json::to_vec(self).unwrap_or_default();
        let length = u32::try_from(place.len()).unwrap_or_default();
        let mut frames = Vec::with_capacity(HEAD_BYTES + place.len());
        frames.extend_from_slice(&EMPTY_FRAME);
        frames.extend_from_slice(&SKIPPABLE_MAGIC);
        frames.extend_from_slice(&length.to_le_bytes());
        frames.extend_from_slice(&place);
        frames
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind, self.folder)
    }
}

/// The beginning of some content, and what it says about the rest.
pub(crate) struct Head {
    /// The bytes that were read. They belong before the rest.
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_compressed: bool,
    /// `None` for content without a place: that of older objects and other tools, and content that
    /// is not compressed.
    pub(crate) place: Option<Place>,
}

impl Head {
    /// Reads the beginning of the content of a token.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the frame of the place is malformed, and the errors of `content`.
    pub(crate) fn read(content: &mut impl Read) -> io::Result<Self> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        content.take(HEAD_BYTES as u64).read_to_end(&mut bytes)?;
        let place = match place_bytes(&bytes) {
            None => None,
            Some(length) if length > MAX_PLACE_BYTES => return Err(malformed()),
            Some(length) => {
                content.take(length as u64).read_to_end(&mut bytes)?;
                let Object(place) =
                    serde_json::from_slice(&bytes[HEAD_BYTES..]).map_err(|_| malformed())?;
                Some(place)
            }
        };
        Ok(Self {
            is_compressed: bytes.starts_with(&ZSTD_MAGIC),
            bytes,
            place,
        })
    }
}

/// The length of the place, if the content begins with one.
fn place_bytes(head: &[u8]) -> Option<usize> {
    let length = head
        .strip_prefix(&EMPTY_FRAME)?
        .strip_prefix(&SKIPPABLE_MAGIC)?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    usize::try_from(length).ok()
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the place is malformed")
}

/// Whether the contract allows an object with this key to be plain: boundaries are public, and the
/// objects of a run and the status page hold neither trips nor secrets (docs/CONTRACT.md, "Objects
/// in the bucket").
#[must_use]
pub fn may_be_plain(key: &str) -> bool {
    // A former version is as public as the boundaries that took its place.
    let key = key.strip_prefix("config/history/").unwrap_or(key);
    let mut folders = key.split('/');
    let (first, second) = (folders.next(), folders.next());
    first == Some("boundaries") || second == Some("runs") || is_page(key)
}

/// Whether only a sealed object may lie under this key: the objects of an hour, and configuration,
/// which may be plain JSON as well.
pub(crate) fn is_place_of_sealed(key: &str) -> bool {
    let first = key.split('/').next().unwrap_or_default();
    let is_of_stage = Stage::ALL.iter().any(|stage| stage.as_str() == first);
    let is_ours = is_configuration(key) || (is_of_stage && !may_be_plain(key));
    is_ours && key.ends_with(".json")
}

/// Whether an object with this key is a copy that no step reads: a former or a refused object of an
/// hour (`trips.{time}.json`), or former configuration.
#[must_use]
pub fn is_copy(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    let has_suffix = name.matches('.').count() > 1;
    key.starts_with("config/history/")
        || (has_suffix && is_place_of_sealed(key) && !is_configuration(key))
}

/// Whether the object is a stage's status page, the only one that is no JSON.
pub(crate) fn is_page(key: &str) -> bool {
    matches!(key.split_once('/'), Some((_, "status.html")))
}

/// Whether an object with this key is part of the configuration, which the tools before this one
/// read, too.
#[must_use]
pub fn is_configuration(key: &str) -> bool {
    key.starts_with("config/")
}

#[cfg(test)]
mod tests;
