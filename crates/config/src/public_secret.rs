//! What a secret for the public ids must not be like.

use std::collections::BTreeSet;

/// A shorter or more repetitive secret draws a warning.
const GOOD_SECRET_BYTES: usize = 32;
const GOOD_SECRET_DISTINCT_BYTES: usize = 8;

/// The documentation's words in place of a secret have one of these.
const PLACEHOLDERS: [&str; 2] = ["openssl rand", "a random text of at least 16 bytes"];

/// Words of which one stands in most texts that ask for a secret.
const ASKING: [&str; 7] = [
    "change", "key", "openssl", "output", "random", "replace", "secret",
];

/// Whether a provider, who knows pairs of real and public ids, could find the secret by trying.
pub(crate) fn is_guessable(secret: &str) -> bool {
    let distinct: BTreeSet<u8> = secret.bytes().collect();
    secret.len() < GOOD_SECRET_BYTES
        || distinct.len() < GOOD_SECRET_DISTINCT_BYTES
        || asks_for_one(secret)
}

/// Whether it is several words that ask for a secret.
fn asks_for_one(secret: &str) -> bool {
    let text = secret.trim().to_ascii_lowercase();
    text.contains(char::is_whitespace) && ASKING.iter().any(|word| text.contains(word))
}

/// Whether it is a text that the documentation has in place of a secret.
pub(crate) fn is_placeholder(secret: &str) -> bool {
    let words: Vec<&str> = secret.split_whitespace().collect();
    let text = words.join(" ").to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|words| text.contains(words))
}
