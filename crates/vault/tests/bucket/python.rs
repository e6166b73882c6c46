//! This crate and Python's `cryptography`, which the older tools use, can read each other's
//! objects.

#[path = "../../../../tools/testing/python.rs"]
mod interpreter;

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::{Bucket, Noise};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use vault::{Compression, FernetKeys, Seal, StoredAs};

/// The first argument is the key, the second is "encrypt" or "decrypt".
const SCRIPT: &str = "
import sys
from cryptography.fernet import Fernet
way = getattr(Fernet(sys.argv[1].encode()), sys.argv[2])
sys.stdout.buffer.write(way(sys.stdin.buffer.read()))
";

fn run(key: &SecretString, way: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(interpreter::with_modules("cryptography.fernet"))
        .args(["-c", SCRIPT, key.expose_secret(), way])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(output.status.success(), "Python refused to {way}");
    output.stdout
}

#[tokio::test]
async fn python_reads_what_is_written_without_compression() {
    let bucket = Bucket::start().await;
    let key = FernetKeys::generate();
    let vault = bucket.vault(&[&key], Compression::None);
    let large = Noise::bytes(1, 20 * 1024 * 1024);
    for bytes in [
        &b""[..],
        b"{\"DATABASE_URL\": \"x\"}",
        &[7; 15],
        &[7; 16],
        &[7; 17],
        &large,
    ] {
        vault
            .put_bytes("settings.json", bytes, Seal::Encrypt)
            .await
            .unwrap();
        assert!(run(&key, "decrypt", &bucket.raw("settings.json").await) == bytes);
    }
}

#[tokio::test]
async fn what_python_wrote_is_read() {
    let bucket = Bucket::start().await;
    let key = FernetKeys::generate();
    let vault = bucket.vault(&[&key], Compression::Zstd);
    let value = json!({"bird": {"token": "t", "name": "Bürd"}});
    bucket
        .put_raw(
            "providers.json",
            run(&key, "encrypt", value.to_string().as_bytes()),
        )
        .await;
    assert_eq!(
        vault.get_json::<Value>("providers.json").await.unwrap(),
        value
    );
    let reader = vault.open("providers.json").await.unwrap();
    assert_eq!(
        reader.info().stored_as,
        StoredAs::Sealed {
            key_index: 0,
            compressed: false
        }
    );

    let large = Noise::bytes(2, 20 * 1024 * 1024);
    bucket
        .put_raw("trips.json", run(&key, "encrypt", &large))
        .await;
    assert!(vault.get_bytes("trips.json").await.unwrap() == large);
}
