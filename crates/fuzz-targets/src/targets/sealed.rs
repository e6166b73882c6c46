//! The content of authentic tokens: frames of zstd, the place of an object, or anything.

use std::io::Read as _;

use vault::fuzzing::{open, seal};
use vault::{Compression, StoredAs, VaultError};

use super::fernet::{KEY, RING};
use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "(\u{b5}/\u{fd}",
    "{\"folder\":\"staging/bird/2020/1/15/12\",\"kind\":\"trips\"}",
    "folder",
    "kind",
    "[*M\u{18}",
];

/// More is not read of what a few bytes may expand to.
pub(super) const MAX_CONTENT: u64 = 4 << 20;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

pub(super) fn check(data: &[u8]) {
    check_round_trip(data);
    check_as_content(data);
}

/// What is compressed and sealed comes back, under the key that it was sealed for and no other.
fn check_round_trip(data: &[u8]) {
    let stored = seal(&RING, Compression::Zstd, KEY, data).unwrap();
    let mut reader = open(&RING, KEY, &stored, 1000)
        .unwrap()
        .into_sealed()
        .unwrap();
    assert!(reader.is_bound(), "an object without a place");
    let mut content = Vec::new();
    reader.read_to_end(&mut content).unwrap();
    assert!(content == data, "another content than was sealed");
    let elsewhere = open(&RING, "staging/lime/2020/1/15/12/trips.json", &stored, 1000).unwrap();
    let error = elsewhere
        .into_sealed()
        .expect_err("an object of another place is accepted");
    check_message(&error.to_string());
}

/// The bytes as what an authentic token holds.
fn check_as_content(data: &[u8]) {
    let stored = seal(&RING, Compression::None, KEY, data).unwrap();
    let mut reader = match open(&RING, KEY, &stored, 1000) {
        Ok(reader) => reader,
        Err(error) => return check_refused(data, &error),
    };
    let StoredAs::Sealed {
        compressed,
        key_index,
    } = reader.info().stored_as
    else {
        panic!("a token is taken for plain");
    };
    assert_eq!(key_index, 0);
    assert_eq!(compressed, data.starts_with(&ZSTD_MAGIC));
    assert!(compressed || reader.info().place.is_none());
    let mut content = Vec::new();
    match reader.by_ref().take(MAX_CONTENT).read_to_end(&mut content) {
        Ok(_) => assert!(
            compressed || content == data,
            "another content than was sealed"
        ),
        Err(error) => {
            let error = VaultError::from_io(&error).expect("an error of the vault");
            check_refused(data, error);
        }
    }
}

fn check_refused(data: &[u8], error: &VaultError) {
    assert!(matches!(error, VaultError::Unreadable { .. }), "{error}");
    check_message(&error.to_string());
    assert!(
        data.starts_with(&ZSTD_MAGIC),
        "content that is not compressed is refused"
    );
}
