//! The Fernet keys of a deployment.

use std::fmt;
use std::sync::Arc;

use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE};
use base64::{Engine as _, alphabet};
use hmac::Hmac;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::Sha256;

/// Half of a Fernet key: the first 16 bytes sign, the last 16 encrypt.
const HALF_BYTES: usize = 16;
/// SHA-256 works on blocks of this size.
const MAC_BLOCK_BYTES: usize = 64;

const QUOTES: [char; 2] = ['"', '\''];

/// The last of 43 characters has two bits that belong to no byte. Python ignores them, so a key may
/// have been typed with any.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Why a list of keys was refused. Positions count from 1. The error holds no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The list has only white space and commas.
    #[error("no Fernet key was given; make one with `openssl rand -base64 32 | tr '+/' '-_'`")]
    NoKey,
    /// One entry is not a Fernet key.
    #[error(
        "Fernet key {position} of {count} is not 32 bytes in base64 \
         (44 characters, A-Z a-z 0-9 - _ =, or + and / for - and _)"
    )]
    Malformed {
        /// Which key, from 1.
        position: usize,
        /// How many keys the list has.
        count: usize,
    },
    /// One entry begins or ends with a quotation mark.
    #[error(
        "Fernet key {position} of {count} is in quotes, which are no part of it: remove them (docker \
         keeps those of an --env-file)"
    )]
    Quoted {
        /// Which key, from 1.
        position: usize,
        /// How many keys the list has.
        count: usize,
    },
}

/// The Fernet keys of a deployment, in order: the first one encrypts, all of them decrypt
/// (docs/CONTRACT.md, "Environment variables"). Cloning shares the keys. `Debug` does not print
/// them.
#[derive(Clone)]
pub struct FernetKeys(Arc<[FernetKey]>);

impl FernetKeys {
    /// Reads a list of keys separated by commas. White space around a key is ignored, and so is an
    /// empty entry, such as after a comma at the end.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which names the position of the malformed key.
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
                let position = index + 1;
                if entry.starts_with(QUOTES) || entry.ends_with(QUOTES) {
                    return Err(KeyError::Quoted { position, count });
                }
                FernetKey::parse(entry).ok_or(KeyError::Malformed { position, count })
            })
            .collect::<Result<Arc<[_]>, _>>()
            .map(Self)
    }

    /// Creates a new key, as text for a secret store.
    #[must_use]
    pub fn generate() -> SecretString {
        SecretString::from(URL_SAFE.encode(rand::random::<[u8; 2 * HALF_BYTES]>()))
    }

    /// Whether both lists have the same keys in the same order.
    pub(crate) fn are_same(&self, other: &Self) -> bool {
        let bytes = |keys: &Self| {
            let keys = keys.iter().map(|key| *key.0.expose_secret());
            keys.collect::<Vec<_>>()
        };
        Arc::ptr_eq(&self.0, &other.0) || bytes(self) == bytes(other)
    }

    /// The number of keys, at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The key that encrypts.
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

pub(crate) struct FernetKey(SecretBox<[u8; 2 * HALF_BYTES]>);

impl FernetKey {
    /// Reads a key in the URL-safe or the standard alphabet. Python's decoder, which the older
    /// tools use, takes both, also mixed.
    fn parse(text: &str) -> Option<Self> {
        let text: String = text
            .trim_end_matches('=')
            .chars()
            .map(|character| match character {
                '+' => '-',
                '/' => '_',
                other => other,
            })
            .collect();
        let bytes = LENIENT.decode(text).ok()?;
        let key: [u8; 2 * HALF_BYTES] = bytes.try_into().ok()?;
        Some(Self(SecretBox::new(Box::new(key))))
    }

    /// A new HMAC-SHA-256 under the half that signs.
    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        // HMAC pads a key shorter than the block with zeros. Doing that here avoids a constructor
        // that can fail.
        let mut block = [0_u8; MAC_BLOCK_BYTES];
        block[..HALF_BYTES].copy_from_slice(&self.0.expose_secret()[..HALF_BYTES]);
        <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block.into())
    }

    /// The half that encrypts.
    pub(crate) fn cipher_key(&self) -> [u8; HALF_BYTES] {
        let mut key = [0_u8; HALF_BYTES];
        key.copy_from_slice(&self.0.expose_secret()[HALF_BYTES..]);
        key
    }
}

#[cfg(test)]
mod tests;
