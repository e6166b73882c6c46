//! Objects that are damaged, missing or discarded.

use std::io::Write as _;
use std::time::Duration;

use crate::support::{BUCKET, Bucket, Noise, parse};
use tokio::task::spawn_blocking;
use vault::{Compression, FernetKeys, Seal, Unreadable, Vault, VaultError};

const MIB: usize = 1024 * 1024;

/// Waits until a condition holds that another task brings about.
async fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    for _ in 0..200 {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    let error = vault.open("no/such.json").await.unwrap_err();
    assert!(
        matches!(&error, VaultError::NotFound { key, bucket } if key == "no/such.json" && bucket == BUCKET),
        "{error}"
    );
    assert!(!vault.exists("no/such.json").await.unwrap());
    vault.put_bytes("a", b"x", Seal::Encrypt).await.unwrap();
    assert!(vault.exists("a").await.unwrap());
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_refused_and_no_missing_object() {
    let bucket = Bucket::start().await;
    let keys = parse(&[&FernetKeys::generate()]);
    let vault = Vault::new(bucket.client.clone(), "elsewhere", keys, Compression::Zstd);
    let error = vault.list("").next_page().await.unwrap_err();
    assert!(
        matches!(&error, VaultError::NoBucket { bucket, .. } if bucket == "elsewhere"),
        "{error}"
    );
    assert!(!error.is_transient());
    assert!(error.to_string().contains("ATD_MDS_BUCKET"), "{error}");
}

#[tokio::test]
async fn damage_is_found_before_a_byte_is_given() {
    let bucket = Bucket::start().await;
    let (key, other) = (FernetKeys::generate(), FernetKeys::generate());
    let vault = bucket.vault(&[&key], Compression::Zstd);
    vault
        .put_bytes("a", &Noise::bytes(3, 12 * MIB), Seal::Encrypt)
        .await
        .unwrap();
    let whole = bucket.raw("a").await;

    let wrong_key = bucket
        .vault(&[&other], Compression::Zstd)
        .open("a")
        .await
        .unwrap_err();
    assert!(
        is_unreadable(&wrong_key, &Unreadable::NoKeyFits { keys: 1 }),
        "{wrong_key}"
    );

    for place in [40, whole.len() / 2, whole.len() - 8] {
        let mut damaged = whole.clone();
        damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
        bucket.put_raw("a", damaged).await;
        let error = vault.open("a").await.unwrap_err();
        assert!(
            is_unreadable(&error, &Unreadable::NoKeyFits { keys: 1 }),
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

fn is_unreadable(error: &VaultError, expected: &Unreadable) -> bool {
    matches!(error, VaultError::Unreadable { why, .. } if why == expected)
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
    assert_eq!(vault.get_bytes("kept").await.unwrap(), b"before");
    assert!(!vault.exists("new").await.unwrap());
}

#[tokio::test]
async fn the_upload_of_a_killed_writer_goes_with_the_next_one() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::None);
    for key in ["archive", "archive-of-another"] {
        let begun = bucket
            .client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .metadata("upload", "of a killed writer");
        begun.send().await.unwrap();
    }
    let unfinished = async || {
        let listed = bucket
            .client
            .list_multipart_uploads()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap();
        let keys = listed
            .uploads
            .unwrap_or_default()
            .into_iter()
            .map(|upload| upload.key.unwrap());
        keys.collect::<Vec<_>>()
    };
    assert_eq!(unfinished().await, ["archive", "archive-of-another"]);

    let mut writer = vault.create("archive", Seal::Encrypt);
    let writer = spawn_blocking(move || {
        writer.write_all(&Noise::bytes(4, 20 * MIB)).unwrap();
        writer
    });
    writer.await.unwrap().finish().await.unwrap();
    assert_eq!(unfinished().await, ["archive-of-another"]);
    assert!(vault.exists("archive").await.unwrap());
}

/// A step is stopped at its deadline by dropping its future, perhaps in the middle of `finish`.
#[tokio::test]
async fn an_upload_whose_end_is_dropped_does_not_appear_later() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::None);
    vault
        .put_bytes("kept", b"before", Seal::Encrypt)
        .await
        .unwrap();
    for polls in 1..6 {
        let mut writer = vault.create("kept", Seal::Encrypt);
        let writer = spawn_blocking(move || {
            writer.write_all(&Noise::bytes(8, 20 * MIB)).unwrap();
            writer
        })
        .await
        .unwrap();
        assert!(eventually(|| !bucket.leftovers().is_empty()).await);
        let mut finish = Box::pin(writer.finish());
        for _ in 0..polls {
            if has_ended_soon(&mut finish).await {
                return;
            }
        }
        drop(finish);
        assert!(
            eventually(|| bucket.leftovers().is_empty()).await,
            "{:?}",
            bucket.leftovers()
        );
        assert_eq!(vault.get_bytes("kept").await.unwrap(), b"before");
    }
}

/// Lets a future run for a moment. Returns whether it has ended.
async fn has_ended_soon<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    tokio::time::timeout(Duration::from_millis(1), future)
        .await
        .is_ok()
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
    let keys = parse(&[&FernetKeys::generate()]);
    let vault = Vault::new(bucket.client.clone(), "elsewhere", keys, Compression::None);
    let mut writer = vault.create("a", Seal::Encrypt);
    let (writer, error) = spawn_blocking(move || {
        let piece = Noise::bytes(6, MIB);
        let error = (0..100).find_map(|_| writer.write_all(&piece).err());
        (writer, error.expect("writing should fail"))
    })
    .await
    .unwrap();
    let inside = VaultError::from_io(&error).expect("the error should hold a VaultError");
    assert!(
        matches!(inside, VaultError::NoBucket { bucket, .. } if bucket == "elsewhere"),
        "{inside}"
    );
    let last = writer.finish().await.unwrap_err();
    assert_eq!(last.to_string(), inside.to_string());
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_and_may_come_back() {
    let Bucket { client, server, .. } = Bucket::start().await;
    drop(server);
    let keys = parse(&[&FernetKeys::generate()]);
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
