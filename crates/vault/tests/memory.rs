//! An object of 300 MB passes through the writer and the reader in far less memory. This is the
//! only test of its binary, because it measures the process.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like the tests themselves"
)]
#![cfg(target_os = "linux")]

#[path = "bucket/support.rs"]
#[expect(dead_code, reason = "this test uses a part of the helpers")]
mod support;

use std::io::{Read as _, Write as _};

use support::{Bucket, Noise};
use tokio::task::spawn_blocking;
use vault::{Compression, FernetKeys, ObjectReader, ObjectWriter, Seal};

const OBJECT_BYTES: usize = 300 * 1024 * 1024;
const STEP_BYTES: usize = 64 * 1024;
const MAX_GROWTH_KIB: u64 = 128 * 1024;

/// The peak memory of this process, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn write(mut writer: ObjectWriter) -> ObjectWriter {
    let (mut noise, mut step) = (Noise::new(1), vec![0; STEP_BYTES]);
    for _ in 0..OBJECT_BYTES / STEP_BYTES {
        noise.fill(&mut step);
        writer.write_all(&step).unwrap();
    }
    writer
}

fn compare(mut reader: ObjectReader) {
    let (mut noise, mut step, mut read) = (Noise::new(1), vec![0; STEP_BYTES], vec![0; STEP_BYTES]);
    for _ in 0..OBJECT_BYTES / STEP_BYTES {
        noise.fill(&mut step);
        reader.read_exact(&mut read).unwrap();
        assert!(read == step);
    }
    assert_eq!(reader.read(&mut read).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_not_grow_with_the_object() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    vault.put_bytes("warm", b"up", Seal::Encrypt).await.unwrap();
    let before = peak_kib();

    let writer = vault.create("large", Seal::Encrypt);
    let info = spawn_blocking(move || write(writer))
        .await
        .unwrap()
        .finish()
        .await
        .unwrap();
    assert_eq!(info.bytes, OBJECT_BYTES as u64);
    let after_writing = peak_kib();

    let reader = vault.open("large").await.unwrap();
    spawn_blocking(move || compare(reader)).await.unwrap();
    let after_reading = peak_kib();

    println!(
        "peak KiB: {before} before, {after_writing} after writing, {after_reading} after reading \
         ({} bytes stored)",
        info.stored_bytes
    );
    assert!(
        after_reading - before < MAX_GROWTH_KIB,
        "grew by {} KiB",
        after_reading - before
    );
}
