//! Objects over the real protocol: what is written comes back, and what is
//! damaged, missing or given up does not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::io::{Read as _, Write as _};
use std::time::Duration;

use common::{BUCKET, Bucket, Noise};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use vault::{Compression, FernetKeys, ObjectInfo, Seal, StoredAs, Unreadable, Vault, VaultError};

const MIB: usize = 1024 * 1024;

async fn write(vault: &Vault, key: &str, seal: Seal, bytes: &[u8]) -> ObjectInfo {
    let (mut writer, bytes) = (vault.create(key, seal), bytes.to_vec());
    let writer = spawn_blocking(move || {
        // Odd pieces, so that parts, blocks and pieces never agree.
        for piece in bytes.chunks(77_777) {
            writer.write_all(piece).unwrap();
        }
        writer
    })
    .await
    .unwrap();
    writer.finish().await.unwrap()
}

async fn read(vault: &Vault, key: &str) -> Vec<u8> {
    vault.get_bytes(key).await.unwrap()
}

/// Waits for what happens in the background.
async fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    for _ in 0..200 {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[rstest]
#[case::nothing(0)]
#[case::small(1000)]
#[case::one_part(7 * MIB)]
#[case::several_parts(40 * MIB)]
#[tokio::test]
async fn sealed_objects_come_back(
    #[case] size: usize,
    #[values(Compression::Zstd, Compression::None)] compression: Compression,
) {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], compression);
    let bytes = Noise::bytes(1, size);
    let info = write(&vault, "a/trips.json", Seal::Encrypt, &bytes).await;
    assert_eq!(info.key, "a/trips.json");
    assert_eq!(info.bytes, size as u64);
    let stored = bucket.raw("a/trips.json").await;
    assert_eq!(info.stored_bytes, stored.len() as u64);
    assert!(stored.starts_with(b"gAAAA"));

    let mut reader = vault.open("a/trips.json").await.unwrap();
    let stored_as = StoredAs::Sealed {
        key_index: 0,
        compressed: compression == Compression::Zstd,
    };
    assert_eq!(reader.info().stored_as, stored_as);
    assert_eq!(reader.info().etag, info.etag);
    assert_eq!(reader.info().stored_bytes, info.stored_bytes);
    let back = spawn_blocking(move || {
        let mut back = Vec::new();
        reader.read_to_end(&mut back).unwrap();
        back
    })
    .await
    .unwrap();
    assert!(back == bytes);
}

#[rstest]
#[case(8 * MIB - 1, 1)]
#[case(8 * MIB, 1)]
#[case(9 * MIB, 2)]
#[case(16 * MIB, 2)]
#[case(17 * MIB, 3)]
#[tokio::test]
async fn parts_begin_where_one_request_ends(#[case] size: usize, #[case] parts: usize) {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    let mut bytes = Noise::bytes(2, size);
    bytes[0] = b'[';
    let info = write(&vault, "plain.json", Seal::Plain, &bytes).await;
    assert!(read(&vault, "plain.json").await == bytes);
    let etag = info.etag.unwrap();
    let suffix = format!("-{parts}\"");
    assert_eq!(etag.ends_with(&suffix), parts > 1, "{etag}");
}

#[tokio::test]
async fn an_object_may_shrink_and_grow_under_its_key() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::None);
    for size in [100, 12 * MIB, 10, 0, 13 * MIB] {
        let bytes = Noise::bytes(size as u64, size);
        write(&vault, "a", Seal::Encrypt, &bytes).await;
        assert!(read(&vault, "a").await == bytes);
    }
}

#[tokio::test]
async fn the_digest_is_of_what_was_written() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    let info = vault.put_bytes("a", b"abc", Seal::Encrypt).await.unwrap();
    assert_eq!(
        info.sha256,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[tokio::test]
async fn json_goes_out_and_in_and_a_byte_order_mark_is_skipped() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    let value = json!({"trips": [1, 2]});
    for seal in [Seal::Encrypt, Seal::Plain] {
        vault.put_json("a", &value, seal).await.unwrap();
        assert_eq!(vault.get_json::<Value>("a").await.unwrap(), value);
    }
    assert_eq!(bucket.raw("a").await, br#"{"trips":[1,2]}"#);
    bucket.put_raw("a", *b"\xEF\xBB\xBF {\"a\": 1}").await;
    assert_eq!(vault.get_json::<Value>("a").await.unwrap(), json!({"a": 1}));
}

#[tokio::test]
async fn a_wrong_shape_is_told_by_its_place_and_never_quoted() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    bucket.put_raw("a", *b"{\"token\":\n \"canary\"}").await;
    let error = vault.get_json::<Vec<u8>>("a").await.unwrap_err();
    assert!(matches!(
        &error,
        VaultError::Unreadable {
            why: Unreadable::Json { .. },
            ..
        }
    ));
    bucket.put_raw("a", *b"{\"token\":\n canary}").await;
    let worse = vault.get_json::<Value>("a").await.unwrap_err();
    assert!(worse.to_string().contains("line 2"), "{worse}");
    assert!(!format!("{error} {error:?} {worse} {worse:?}").contains("canary"));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    let error = vault.open("no/such.json").await.unwrap_err();
    assert!(
        matches!(&error, VaultError::NotFound { key } if key == "no/such.json"),
        "{error}"
    );
    assert!(!vault.exists("no/such.json").await.unwrap());
    vault.delete("no/such.json").await.unwrap();
    vault.put_bytes("a", b"x", Seal::Encrypt).await.unwrap();
    assert!(vault.exists("a").await.unwrap());
    vault.delete("a").await.unwrap();
    assert!(!vault.exists("a").await.unwrap());
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_refused_and_no_missing_object() {
    let bucket = Bucket::start().await;
    let keys = common::parse(&[&FernetKeys::generate()]);
    let vault = Vault::new(bucket.client.clone(), "elsewhere", keys, Compression::Zstd);
    let error = vault.list("").next_page().await.unwrap_err();
    assert!(
        matches!(&error, VaultError::Refused { code, .. } if code == "NoSuchBucket"),
        "{error}"
    );
}

#[tokio::test]
async fn damage_is_found_before_a_byte_is_given() {
    let bucket = Bucket::start().await;
    let (key, other) = (FernetKeys::generate(), FernetKeys::generate());
    let vault = bucket.vault(&[&key], Compression::Zstd);
    write(&vault, "a", Seal::Encrypt, &Noise::bytes(3, 12 * MIB)).await;
    let whole = bucket.raw("a").await;

    let wrong_key = bucket
        .vault(&[&other], Compression::Zstd)
        .open("a")
        .await
        .unwrap_err();
    assert!(
        is_unreadable(&wrong_key, Unreadable::NoKeyFits { keys: 1 }),
        "{wrong_key}"
    );

    for place in [40, whole.len() / 2, whole.len() - 8] {
        let mut damaged = whole.clone();
        damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
        bucket.put_raw("a", damaged).await;
        let error = vault.open("a").await.unwrap_err();
        assert!(
            is_unreadable(&error, Unreadable::NoKeyFits { keys: 1 }),
            "{place}: {error}"
        );
    }
    for kept in [whole.len() - 1, whole.len() - 4, whole.len() / 2, 8, 5] {
        bucket.put_raw("a", &whole[..kept]).await;
        let error = vault.open("a").await.unwrap_err();
        assert!(
            matches!(error, VaultError::Unreadable { .. }),
            "{kept}: {error}"
        );
    }
    bucket.put_raw("a", whole).await;
    vault.open("a").await.unwrap();
}

fn is_unreadable(error: &VaultError, expected: Unreadable) -> bool {
    matches!(error, VaultError::Unreadable { why, .. } if *why == expected)
}

#[tokio::test]
async fn a_writer_that_is_dropped_leaves_nothing() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::None);
    vault
        .put_bytes("kept", b"before", Seal::Encrypt)
        .await
        .unwrap();
    for (key, size) in [("kept", 30 * MIB), ("new", 30 * MIB), ("new", 10)] {
        let mut writer = vault.create(key, Seal::Encrypt);
        let writer = spawn_blocking(move || {
            writer.write_all(&Noise::bytes(4, size)).unwrap();
            writer
        })
        .await
        .unwrap();
        if size > MIB {
            assert!(
                eventually(|| !bucket.leftovers().is_empty()).await,
                "nothing was uploaded"
            );
        }
        drop(writer);
        assert!(
            eventually(|| bucket.leftovers().is_empty()).await,
            "{:?}",
            bucket.leftovers()
        );
    }
    assert_eq!(read(&vault, "kept").await, b"before");
    assert!(!vault.exists("new").await.unwrap());
}

#[tokio::test]
async fn a_writer_that_is_aborted_has_left_nothing_when_that_returns() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::None);
    let mut writer = vault.create("new", Seal::Encrypt);
    let writer = spawn_blocking(move || {
        writer.write_all(&Noise::bytes(5, 30 * MIB)).unwrap();
        writer
    })
    .await
    .unwrap();
    writer.abort().await;
    assert_eq!(bucket.leftovers(), Vec::<std::path::PathBuf>::new());
    assert!(!vault.exists("new").await.unwrap());
}

#[tokio::test]
async fn an_upload_that_fails_says_so_to_the_writer_and_at_the_end() {
    let bucket = Bucket::start().await;
    let keys = common::parse(&[&FernetKeys::generate()]);
    let vault = Vault::new(bucket.client.clone(), "elsewhere", keys, Compression::None);
    let mut writer = vault.create("a", Seal::Encrypt);
    let (writer, error) = spawn_blocking(move || {
        let piece = Noise::bytes(6, MIB);
        let error = (0..100).find_map(|_| writer.write_all(&piece).err());
        (writer, error.expect("writing went on"))
    })
    .await
    .unwrap();
    let inside = VaultError::from_io(&error).expect("holds the vault's own error");
    assert_eq!(inside.key(), "a");
    let at_the_end = writer.finish().await.unwrap_err();
    assert_eq!(at_the_end.to_string(), inside.to_string());
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_and_may_come_back() {
    let Bucket { client, server, .. } = Bucket::start().await;
    drop(server);
    let keys = common::parse(&[&FernetKeys::generate()]);
    let vault = Vault::new(client, BUCKET, keys, Compression::Zstd);
    let error = vault.open("a").await.unwrap_err();
    assert!(
        matches!(error, VaultError::Unavailable { .. }) && error.is_transient(),
        "{error}"
    );
    let error = vault.put_bytes("a", b"x", Seal::Encrypt).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_listing_has_pages_and_holds_the_prefix_only() {
    let bucket = Bucket::start().await;
    let folder = bucket.server.folder().join(BUCKET).join("many");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 0..1050 {
        std::fs::write(folder.join(format!("{number:04}.json")), b"{}").unwrap();
    }
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    vault
        .put_bytes("other/one", b"x", Seal::Encrypt)
        .await
        .unwrap();
    let (mut pages, mut sizes, mut keys) = (vault.list("many/"), Vec::new(), Vec::new());
    while let Some(page) = pages.next_page().await.unwrap() {
        sizes.push(page.len());
        keys.extend(page.into_iter().map(|object| (object.key, object.size)));
    }
    assert_eq!(sizes, [1000, 50]);
    assert_eq!(keys.first().unwrap(), &("many/0000.json".to_owned(), 2));
    assert!(keys.is_sorted());
    assert!(pages.next_page().await.unwrap().is_none());
}

#[tokio::test]
async fn writing_without_a_runtime_is_an_error_and_no_panic() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::None);
    let error = std::thread::spawn(move || {
        let mut writer = vault.create("a", Seal::Encrypt);
        writer.write_all(&Noise::bytes(7, 12 * MIB)).unwrap_err()
    })
    .join()
    .unwrap();
    let inside = VaultError::from_io(&error).unwrap();
    assert!(matches!(inside, VaultError::NoRuntime { .. }), "{inside}");
}

#[tokio::test]
async fn nothing_prints_a_key() {
    let bucket = Bucket::start().await;
    let key = FernetKeys::generate();
    let vault = bucket.vault(&[&key], Compression::Zstd);
    vault
        .put_bytes("a", b"canary", Seal::Encrypt)
        .await
        .unwrap();
    let printed = format!(
        "{vault:?} {:?} {:?} {:?}",
        vault.create("b", Seal::Encrypt),
        vault.open("a").await.unwrap(),
        vault.list("")
    );
    assert!(!printed.contains("canary"));
    assert!(!printed.contains(secrecy::ExposeSecret::expose_secret(&key)));
}
