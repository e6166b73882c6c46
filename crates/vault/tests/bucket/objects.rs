//! What is written can be read.

use std::io::{Read as _, Write as _};

use crate::support::{BUCKET, Bucket, Noise};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use vault::{Compression, FernetKeys, ObjectInfo, Seal, StoredAs, Unreadable, Vault, VaultError};

const MIB: usize = 1024 * 1024;

async fn write(vault: &Vault, key: &str, seal: Seal, bytes: &[u8]) -> ObjectInfo {
    let (mut writer, bytes) = (vault.create(key, seal), bytes.to_vec());
    let writer = spawn_blocking(move || {
        // No part or block is a multiple of this size.
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
    let content = spawn_blocking(move || {
        let mut content = Vec::new();
        reader.read_to_end(&mut content).unwrap();
        content
    })
    .await
    .unwrap();
    assert!(content == bytes);
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
async fn folders_are_listed_without_what_is_in_them() {
    let bucket = Bucket::start().await;
    let folder = bucket.server.folder().join(BUCKET).join("many");
    for number in 0..1050 {
        let folder = folder.join(format!("{number:04}/deep"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("one.json"), b"{}").unwrap();
    }
    std::fs::write(folder.join("status.html"), b"").unwrap();
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    let folders = vault.folders("many/").await.unwrap();
    assert_eq!(folders.len(), 1050);
    assert_eq!((&*folders[0], &*folders[1049]), ("0000", "1049"));
    assert!(vault.folders("none/").await.unwrap().is_empty());
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
