//! Fernet tokens: the text of an object as the bucket returns it.

use std::io::Read as _;
use std::sync::LazyLock;

use secrecy::SecretString;
use vault::fuzzing::{open, seal};
use vault::{Compression, FernetKeys, VaultError};

use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &["gAAAAA", "=", "==", "\n", " ", "{", "-_", "+/", "\u{feff}"];

/// The keys of the seeds, which are public.
pub(super) const KEYS: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=,\
    AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub(super) static RING: LazyLock<FernetKeys> =
    LazyLock::new(|| FernetKeys::parse(&SecretString::from(KEYS)).unwrap());

pub(super) const KEY: &str = "staging/bird/2020/1/15/12/trips.json";

pub(super) fn check(data: &[u8]) {
    let whole = content(data, usize::MAX);
    for piece in [1, 3, 64] {
        assert_eq!(
            content(data, piece),
            whole,
            "another content in pieces of {piece}"
        );
    }
    check_keys(data);
    check_sealed(data);
}

/// The content of an object, or why it cannot be read.
fn content(stored: &[u8], piece: usize) -> Result<Vec<u8>, String> {
    let mut reader = open(&RING, KEY, stored, piece).map_err(|error| shown(&error))?;
    let mut content = Vec::new();
    let ended = reader
        .by_ref()
        .take(super::sealed::MAX_CONTENT)
        .read_to_end(&mut content);
    ended.map(|_| content).map_err(|error| {
        let error = VaultError::from_io(&error).expect("an error of the vault");
        shown(error)
    })
}

fn shown(error: &VaultError) -> String {
    assert!(matches!(error, VaultError::Unreadable { .. }), "{error}");
    let text = error.to_string();
    check_message(&text);
    assert!(text.contains(KEY), "an error that names no object");
    text
}

/// A list of keys, or which of them is wrong.
fn check_keys(data: &[u8]) {
    let Ok(list) = str::from_utf8(data) else {
        return;
    };
    let entries = list
        .split(',')
        .filter(|entry| !entry.trim().is_empty())
        .count();
    match FernetKeys::parse(&SecretString::from(list)) {
        Ok(keys) => {
            assert_eq!(keys.count(), entries, "a key is lost");
            let sealed = seal(&keys, Compression::None, KEY, b"{}").unwrap();
            assert!(open(&keys, KEY, &sealed, usize::MAX).is_ok());
        }
        Err(error) => check_message(&error.to_string()),
    }
}

/// The bytes as content: they come back, and a token with one bit changed is noticed.
fn check_sealed(data: &[u8]) {
    let mut stored = seal(&RING, Compression::None, KEY, data).unwrap();
    let at = stored.len() * usize::from(data.first().copied().unwrap_or(7)) / 256;
    stored[at] ^= 1;
    // The last character of a token may have bits that belong to no byte, and these are refused.
    let changed = open(&RING, KEY, &stored, usize::MAX).map_err(|error| shown(&error));
    assert!(
        changed.is_err() || stored[at].is_ascii_whitespace(),
        "a changed token is accepted"
    );
}
