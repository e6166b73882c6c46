//! What the database keeps in place of a password (RFC 5802, RFC 7677).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::digest::generic_array::GenericArray;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The verifier of a generated password, in the form in which Postgres stores it.
///
/// The one that Postgres makes has 4,096 rounds, against those who guess words. With them, a
/// connection takes the server longer than the statements of a short test. Nobody guesses 122
/// random bits, so one round is enough.
pub(super) fn verifier(password: &str) -> String {
    let salt = Uuid::new_v4().into_bytes();
    let salted = hmac(password.as_bytes(), &[&salt, &1_u32.to_be_bytes()]);
    let client_key = hmac(&salted, &[b"Client Key"]);
    let server_key = hmac(&salted, &[b"Server Key"]);
    format!(
        "SCRAM-SHA-256$1:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(Sha256::digest(client_key)),
        STANDARD.encode(server_key)
    )
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = GenericArray::default();
    let hashed = Sha256::digest(key);
    let key = if key.len() > block.len() {
        &hashed
    } else {
        key
    };
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mac = <Hmac<Sha256> as KeyInit>::new(&block);
    let mac = parts.iter().fold(mac, Mac::chain_update);
    mac.finalize().into_bytes().into()
}
