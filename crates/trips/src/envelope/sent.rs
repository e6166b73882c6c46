//! What was sent, as a member of what takes its place in an archive.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::TextFacts;

/// The bytes of a trip that an archive, which is a text of JSON, cannot hold as they are.
#[derive(Serialize)]
pub(super) struct Sent {
    #[serde(flatten)]
    facts: TextFacts,
    /// Each byte as the character that it is in Latin-1, from which the bytes can be restored.
    latin1: String,
}

impl Sent {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            facts: TextFacts::of(bytes.len() as u64, &Sha256::digest(bytes)),
            latin1: bytes.iter().copied().map(char::from).collect(),
        }
    }
}
