//! The content of an object that has to be sealed.

use std::io::{self, Read};

use crate::error::{Unreadable, VaultError};
use crate::place::Place;
use crate::read::reader::{ObjectReader, StoredAs, StoredInfo};

/// The content of a sealed object that lies where it belongs.
///
/// Archives, reports and public rows are read only in this form, so that nobody without a key can
/// put other content in their place, and no object passes for another one.
#[derive(Debug)]
pub struct SealedReader(ObjectReader);

impl SealedReader {
    pub(super) fn new(reader: ObjectReader) -> Result<Self, VaultError> {
        let info = reader.info();
        let why = match (info.stored_as, &info.place) {
            (StoredAs::Plain, _) => Unreadable::NotSealed,
            (StoredAs::Sealed { .. }, Some(place)) if !Place::of(&info.key).takes(place) => {
                Unreadable::Misplaced {
                    place: place.clone(),
                }
            }
            (StoredAs::Sealed { .. }, _) => return Ok(Self(reader)),
        };
        Err(VaultError::unreadable(&info.key, why))
    }

    /// What is known about the object.
    #[must_use]
    pub fn info(&self) -> &StoredInfo {
        self.0.info()
    }

    /// Whether its place is sealed together with the content. If not, the object may be that of
    /// another block or kind: the content itself has to tell.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.info().place.is_some()
    }
}

impl Read for SealedReader {
    /// # Errors
    ///
    /// As those of [`ObjectReader`].
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}
