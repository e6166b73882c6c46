//! Tokens beside Python's `cryptography`, which the older tools use.

use std::io::Read as _;

use rand::{Rng as _, RngCore as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use vault::fuzzing::{open, seal};
use vault::{Compression, FernetKeys};

use super::{ask, cases, random};

const KEY: &str = "config/providers.json";
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ \n";

fn keys() -> (SecretString, FernetKeys) {
    let key = FernetKeys::generate();
    let keys = FernetKeys::parse(&key).unwrap();
    (key, keys)
}

/// base64, in which JSON carries bytes. Every byte is a character of Latin-1 there and back.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut word = [0; 4];
        word[1..=group.len()].copy_from_slice(group);
        let word = u32::from_be_bytes(word);
        for place in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * place)) as usize % 64];
            text.push(if place > group.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}

fn opened(keys: &FernetKeys, token: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    open(keys, KEY, token, 100)
        .ok()?
        .read_to_end(&mut content)
        .ok()?;
    Some(content)
}

fn contents(count: u64) -> Vec<Vec<u8>> {
    let mut random = random(30);
    let mut contents: Vec<Vec<u8>> = Vec::new();
    for _ in 0..count {
        let mut content = vec![0; random.random_range(0..300)];
        random.fill_bytes(&mut content);
        // What begins with the magic number of zstd would be decompressed.
        if let Some(first) = content.first_mut() {
            *first = b'[';
        }
        contents.push(content);
    }
    contents
}

#[test]
fn python_reads_what_is_sealed() {
    let (key, keys) = keys();
    let contents = contents(cases());
    let ask_for = |content: &Vec<u8>| {
        let token = seal(&keys, Compression::None, KEY, content).unwrap();
        json!({"key": key.expose_secret(), "token": base64(&token)})
    };
    let answers = ask("fernet", &contents.iter().map(ask_for).collect::<Vec<_>>());
    for (content, answer) in contents.iter().zip(answers) {
        assert_eq!(answer["content"], json!(base64(content)));
    }
}

#[test]
fn what_python_seals_is_read() {
    let (key, keys) = keys();
    let contents = contents(cases());
    let ask_for =
        |content: &Vec<u8>| json!({"key": key.expose_secret(), "content": base64(content)});
    let answers = ask("fernet", &contents.iter().map(ask_for).collect::<Vec<_>>());
    for (content, answer) in contents.iter().zip(answers) {
        let token = answer["token"].as_str().unwrap();
        assert_eq!(opened(&keys, token.as_bytes()).as_ref(), Some(content));
    }
}

/// Python's decoder leaves out characters that are not base64, so it reads more. What is read here,
/// Python reads as the same.
#[test]
fn a_changed_token_is_read_by_both_or_only_by_python() {
    let (key, keys) = keys();
    let mut random = random(31);
    let tokens: Vec<Vec<u8>> = contents(cases())
        .iter()
        .map(|content| {
            let mut token = seal(&keys, Compression::None, KEY, content).unwrap();
            let at = random.random_range(0..token.len());
            let other = ALPHABET[random.random_range(0..ALPHABET.len())];
            match random.random_range(0..3) {
                0 => token[at] = other,
                1 => token.insert(at, other),
                _ => drop(token.remove(at)),
            }
            token
        })
        .collect();
    let ask_for = |token: &Vec<u8>| json!({"key": key.expose_secret(), "token": base64(token)});
    let answers = ask("fernet", &tokens.iter().map(ask_for).collect::<Vec<_>>());
    let mut read = 0;
    for (token, answer) in tokens.iter().zip(answers) {
        let Some(content) = opened(&keys, token) else {
            continue;
        };
        read += 1;
        assert_ne!(
            answer["content"],
            Value::Null,
            "read, and not by Python: {token:?}"
        );
        assert_eq!(answer["content"], json!(base64(&content)));
    }
    assert!(read > 0, "no white space came in");
}
