//! The names of providers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

const MAX_CHARACTERS: usize = 63;

/// Names with another meaning: `all` is every provider in an event, and `runs` is the folder of the
/// runs in the bucket.
const RESERVED: [&str; 2] = ["all", "runs"];

/// A provider's short name, such as `bird`: a key of the providers file, and a part of the keys of
/// its blocks.
///
/// 1 to 63 lower-case ASCII letters, digits, `_` and `-`; neither `all` nor `runs`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderName(Arc<str>);

/// A name that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderNameError {
    /// An empty name.
    #[error("the provider's name is empty; give it a short name such as `bird`")]
    Empty,
    /// More than 63 characters.
    #[error("the provider's name `{name}` is too long; use at most 63 characters")]
    TooLong {
        /// The name as it was given, or its beginning.
        name: String,
    },
    /// A character that is not allowed.
    #[error(
        "the provider's name `{name}` has the character {character:?}; use lower-case letters a to z, digits, `_` and `-`"
    )]
    Character {
        /// The name as it was given, or its beginning.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// A name with another meaning.
    #[error("the provider's name `{name}` has another meaning here; give it another name")]
    Reserved {
        /// The name as it was given.
        name: String,
    },
}

impl ProviderName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ProviderName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderName {
    type Err = ProviderNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name.is_empty() {
            return Err(ProviderNameError::Empty);
        }
        if let Some(character) = name.chars().find(|character| !is_allowed(*character)) {
            return Err(ProviderNameError::Character {
                name: shown(name),
                character,
            });
        }
        if name.len() > MAX_CHARACTERS {
            return Err(ProviderNameError::TooLong { name: shown(name) });
        }
        if RESERVED.contains(&name) {
            return Err(ProviderNameError::Reserved {
                name: name.to_owned(),
            });
        }
        Ok(Self(name.into()))
    }
}

impl TryFrom<String> for ProviderName {
    type Error = ProviderNameError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<ProviderName> for String {
    fn from(name: ProviderName) -> Self {
        name.as_str().to_owned()
    }
}

/// The name for an error, cut off where no mistyped one goes on.
fn shown(name: &str) -> String {
    match name.char_indices().nth(2 * MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

fn is_allowed(character: char) -> bool {
    matches!(character, 'a'..='z' | '0'..='9' | '_' | '-')
}
