//! What draws a warning in a file of the configuration, although the file can be used.

use std::fmt;

/// Something in a file that is allowed but seldom meant. Names keys, never their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigWarning {
    /// Nothing reads a key: mostly a slip of the pen.
    UnknownKey {
        /// The key, such as `bird.max_atempts`.
        key: String,
        /// The known key that is most like it.
        nearest: &'static str,
    },
    /// `PUBLIC_ID_KEY` may be found by trying.
    GuessableSecret {
        /// The key of the secret.
        key: &'static str,
    },
    /// The address of the portal has a path. The dataset is given by its id alone.
    UnusedPath {
        /// The key of the address.
        key: &'static str,
    },
    /// Two enabled entries have one `provider_id`, mostly a copy in which the id was forgotten. Of
    /// a fleet with two feeds, a trip in both belongs to the block that was loaded last.
    SharedId {
        /// The names of the entries, with commas.
        names: String,
    },
    /// `paging` of an entry has a word or number for "off", which leaves it on.
    PagingStaysOn {
        /// The key, such as `bird.paging`.
        key: String,
    },
    /// A disabled entry cannot be read. Companies leave the city, and their entries stay.
    UnreadableEntry {
        /// What is wrong with it.
        error: String,
    },
}

impl ConfigWarning {
    pub(crate) fn log(&self) {
        match self {
            Self::UnknownKey { key, nearest } => tracing::warn!(
                config.key = key,
                config.nearest_key = nearest,
                "configuration has a key that nothing reads; is the nearest known key meant?"
            ),
            Self::GuessableSecret { key } => tracing::warn!(
                config.key = key,
                "secret of the public ids is short, repetitive or words that ask for one, so it may be guessed; a new \
                 deployment should use the output of `openssl rand -base64 32`"
            ),
            Self::UnusedPath { key } => tracing::warn!(
                config.key = key,
                "path of the portal's address is not used: the dataset is the one of SOCRATA_DATASET"
            ),
            Self::SharedId { names } => tracing::warn!(
                config.key = names,
                "entries of the providers file have the same provider_id, so each trip counts for one of them only"
            ),
            Self::PagingStaysOn { key } => tracing::warn!(
                config.key = key,
                "paging stays on: only the boolean false, without quotes, turns it off"
            ),
            Self::UnreadableEntry { error } => tracing::warn!(
                error.message = error,
                "disabled entry of the providers file cannot be read, skipping it"
            ),
        }
    }
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key, nearest } => {
                write!(f, "nothing reads the key `{key}`; is `{nearest}` meant?")
            }
            Self::GuessableSecret { key } => write!(
                f,
                "{key} is short, repetitive or words that ask for one, so it may be guessed; a new deployment should use the \
                 output of `openssl rand -base64 32`"
            ),
            Self::UnusedPath { key } => write!(
                f,
                "the path of {key} is not used: write the portal's host alone, such as data.example.gov, and the dataset's \
                 id as SOCRATA_DATASET"
            ),
            Self::SharedId { names } => write!(
                f,
                "the entries {names} have the same provider_id, so each trip counts for one of them only"
            ),
            Self::PagingStaysOn { key } => write!(
                f,
                "{key}: paging stays on, as it did in the older tools; only the boolean false, without quotes, \
                 turns it off, and then the trips of all pages but the first are lost"
            ),
            Self::UnreadableEntry { error } => {
                write!(f, "{error}; the entry is disabled, so it is skipped")
            }
        }
    }
}
