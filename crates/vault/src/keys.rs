use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use hmac::Hmac;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::Sha256;

/// Half of a Fernet key: 16 bytes to sign with, then 16 to encrypt with.
const HALF: usize = 16;
/// SHA-256 works on blocks of this many bytes.
const MAC_BLOCK: usize = 64;

/// Why a list of keys was refused. Positions count from 1; no value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nothing but white space and commas.
    #[error("no Fernet key was given; make one with `openssl rand -base64 32 | tr '+/' '-_'`")]
    NoKey,
    /// One entry is no Fernet key.
    #[error(
        "Fernet key {position} of {count} is not 32 bytes in URL-safe base64 \
         (44 characters, A-Z a-z 0-9 - _ =)"
    )]
    Malformed {
        /// Which key, from 1.
        position: usize,
        /// How many keys the list has.
        count: usize,
    },
}

/// The Fernet keys of a deployment, in order: the first one seals, all of them open
/// (docs/CONTRACT.md, Configuration). Cloning shares the keys; nothing prints them.
#[derive(Clone)]
pub struct FernetKeys(Arc<[FernetKey]>);

impl FernetKeys {
    /// Reads a list of keys separated by commas; white space around a key is ignored, and so is an
    /// empty entry (a comma at the end).
    ///
    /// # Errors
    ///
    /// [`KeyError`], which says which of the keys is malformed.
    pub fn parse(list: &SecretString) -> Result<Self, KeyError> {
        let entries: Vec<&str> = list
            .expose_secret()
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .collect();
        if entries.is_empty() {
            return Err(KeyError::NoKey);
        }
        let count = entries.len();
        entries
            .into_iter()
            .enumerate()
            .map(|(index, entry)| {
                FernetKey::parse(entry).ok_or(KeyError::Malformed {
                    position: index + 1,
                    count,
                })
            })
            .collect::<Result<Arc<[_]>, _>>()
            .map(Self)
    }

    /// A single new key, as text for a secret store.
    #[must_use]
    pub fn generate() -> SecretString {
        SecretString::from(URL_SAFE.encode(rand::random::<[u8; 2 * HALF]>()))
    }

    /// How many keys there are; at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The key that seals.
    pub(crate) fn first(&self) -> &FernetKey {
        &self.0[0]
    }

    pub(crate) fn get(&self, index: usize) -> &FernetKey {
        &self.0[index]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &FernetKey> {
        self.0.iter()
    }
}

impl fmt::Debug for FernetKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FernetKeys({} redacted)", self.count())
    }
}

pub(crate) struct FernetKey(SecretBox<[u8; 2 * HALF]>);

impl FernetKey {
    fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
        let key: [u8; 2 * HALF] = bytes.try_into().ok()?;
        Some(Self(SecretBox::new(Box::new(key))))
    }

    /// A fresh HMAC-SHA-256 under the signing half.
    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        // A key shorter than the block is padded with zeros by definition, so padding it here only
        // spares a fallible constructor.
        let mut block = [0_u8; MAC_BLOCK];
        block[..HALF].copy_from_slice(&self.0.expose_secret()[..HALF]);
        <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block.into())
    }

    /// The encrypting half.
    pub(crate) fn cipher_key(&self) -> [u8; HALF] {
        let mut key = [0_u8; HALF];
        key.copy_from_slice(&self.0.expose_secret()[HALF..]);
        key
    }
}

#[cfg(test)]
mod tests;
