//! Objects that have to be sealed and to lie in their place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{BUCKET, Bucket, Noise, parse};
use rstest::rstest;
use vault::{
    Compression, FernetKeys, ObjectVersion, Place, ReadKeys, ReadKeysError, Seal, StoredAs,
    Unreadable, Vault, VaultError,
};

const TRIPS: &str = "staging/bird/2020/1/15/12/trips.json";

fn why(error: VaultError) -> Unreadable {
    match error {
        VaultError::Unreadable { why, .. } => why,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_plain_object_is_refused_where_a_sealed_one_belongs() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    bucket.put_raw(TRIPS, *b"{\"data\": {\"trips\": []}}").await;
    let error = vault.open_sealed(TRIPS).await.unwrap_err();
    assert!(error.to_string().contains("is not encrypted"), "{error}");
    assert_eq!(why(error), Unreadable::NotSealed);
    vault.get_bytes(TRIPS).await.unwrap();
}

#[rstest]
#[case("staging/bird/2020/1/15/12/publish.json")]
#[case("staging/bird/2020/1/15/13/trips.json")]
#[case("staging/lime/2020/1/15/12/trips.json")]
#[case("production/bird/2020/1/15/12/trips.json")]
#[tokio::test]
async fn an_object_in_the_place_of_another_is_refused(
    #[case] elsewhere: &str,
    #[values(1_000, 20 * 1024 * 1024)] size: usize,
) {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    let content = Noise::bytes(1, size);
    vault
        .put_bytes(TRIPS, &content, Seal::Encrypt)
        .await
        .unwrap();
    bucket.put_raw(elsewhere, bucket.raw(TRIPS).await).await;
    let error = vault.open_sealed(elsewhere).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("trips of staging/bird/2020/1/15/12"),
        "{error}"
    );
    assert_eq!(
        why(error),
        Unreadable::Misplaced {
            place: Place::of(TRIPS)
        }
    );
    assert!(vault.get_sealed_bytes(TRIPS).await.unwrap() == content);
}

#[rstest]
#[case(Compression::Zstd)]
#[case(Compression::None)]
#[tokio::test]
async fn a_response_that_was_refused_is_read_under_its_name_alone(
    #[case] compression: Compression,
) {
    const REFUSED: &str = "staging/bird/2020/1/15/12/trips.refused.json";
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], compression);
    let mut writer = vault.create_movable(TRIPS, Seal::Encrypt);
    std::io::Write::write_all(&mut writer, b"not believed").unwrap();
    let object = writer.prepare().await.unwrap();
    let object = vault.move_to(object, REFUSED).await.unwrap();
    object.publish(vault::WriteCondition::Always).await.unwrap();
    assert_eq!(
        vault.get_sealed_bytes(REFUSED).await.unwrap(),
        b"not believed"
    );
    bucket.put_raw(TRIPS, bucket.raw(REFUSED).await).await;
    let opened = vault.open_sealed(TRIPS).await;
    if compression == Compression::None {
        // Tools that know only Fernet read it, so it says nothing about its place.
        assert!(!opened.unwrap().is_bound());
        return;
    }
    let place = Place::of(REFUSED);
    assert_eq!(why(opened.unwrap_err()), Unreadable::Misplaced { place });
}

/// An earlier version sealed it as what it would have become.
#[tokio::test]
async fn a_response_that_an_earlier_version_refused_is_read() {
    const REFUSED: &str = "staging/bird/2020/1/15/12/trips.refused.json";
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    vault.put_bytes(TRIPS, b"{}", Seal::Encrypt).await.unwrap();
    bucket.put_raw(REFUSED, bucket.raw(TRIPS).await).await;
    assert_eq!(vault.get_sealed_bytes(REFUSED).await.unwrap(), b"{}");
}

#[tokio::test]
async fn a_copy_of_an_archive_can_be_put_back() {
    let bucket = Bucket::start().await;
    let vault = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    let backup = "staging/bird/2020/1/15/12/trips.2020-01-16T05-00-00Z.json";
    vault
        .put_bytes(TRIPS, b"before", Seal::Encrypt)
        .await
        .unwrap();
    vault.copy(TRIPS, None, backup).await.unwrap();
    vault
        .put_bytes(TRIPS, b"after", Seal::Encrypt)
        .await
        .unwrap();
    assert_eq!(vault.get_sealed_bytes(backup).await.unwrap(), b"before");
    vault.copy(backup, None, TRIPS).await.unwrap();
    let reader = vault.open_sealed(TRIPS).await.unwrap();
    assert!(reader.is_bound());
    assert_eq!(vault.get_sealed_bytes(TRIPS).await.unwrap(), b"before");
}

#[tokio::test]
async fn objects_of_other_tools_and_earlier_versions_are_taken_without_a_place() {
    let bucket = Bucket::start().await;
    let key = FernetKeys::generate();
    let vault = bucket.vault(&[&key], Compression::Zstd);
    let fernet = fernet::Fernet::new(secrecy::ExposeSecret::expose_secret(&key)).unwrap();
    let compressed = zstd::bulk::compress(b"{}", 1).unwrap();
    for content in [b"{}".as_slice(), &compressed] {
        bucket.put_raw(TRIPS, fernet.encrypt(content)).await;
        let reader = vault.open_sealed(TRIPS).await.unwrap();
        assert!(!reader.is_bound());
        assert_eq!(vault.get_sealed_bytes(TRIPS).await.unwrap(), b"{}");
    }
}

#[tokio::test]
async fn the_place_stays_when_the_key_is_rotated() {
    let bucket = Bucket::start().await;
    let (old, new) = (FernetKeys::generate(), FernetKeys::generate());
    bucket
        .vault(&[&old], Compression::Zstd)
        .put_bytes(TRIPS, b"{}", Seal::Encrypt)
        .await
        .unwrap();
    let both = bucket.vault(&[&new, &old], Compression::Zstd);
    both.rotate("", |_| {}).await.unwrap();
    let vault = bucket.vault(&[&new], Compression::Zstd);
    assert!(vault.open_sealed(TRIPS).await.unwrap().is_bound());
    assert_eq!(vault.get_sealed_bytes(TRIPS).await.unwrap(), b"{}");
}

/// Keys as a secret holds them: those of a rotation that has happened since the start.
struct Secret {
    keys: Result<FernetKeys, ReadKeysError>,
    reads: Arc<AtomicUsize>,
}

impl ReadKeys for Secret {
    fn read_keys(
        &self,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<FernetKeys, ReadKeysError>> + Send + '_>>
    {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let keys = self.keys.clone();
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            keys
        })
    }
}

fn renewing(vault: Vault, keys: Result<FernetKeys, ReadKeysError>) -> (Vault, Arc<AtomicUsize>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let secret = Secret {
        keys,
        reads: Arc::clone(&reads),
    };
    (vault.with_key_source(Box::new(secret)), reads)
}

#[tokio::test]
async fn when_no_key_fits_the_keys_are_read_once_more() {
    let bucket = Bucket::start().await;
    let (old, new) = (FernetKeys::generate(), FernetKeys::generate());
    let writer = bucket.vault(&[&new], Compression::Zstd);
    for key in ["a", "b", "c", "d"] {
        writer.put_bytes(key, b"{}", Seal::Encrypt).await.unwrap();
    }
    let (vault, reads) = renewing(
        bucket.vault(&[&old], Compression::Zstd),
        Ok(parse(&[&new, &old])),
    );
    let clone = vault.clone();
    let (a, b, c) = tokio::join!(
        vault.get_bytes("a"),
        vault.get_bytes("b"),
        clone.get_bytes("c")
    );
    assert_eq!([a.unwrap(), b.unwrap(), c.unwrap()], [b"{}"; 3]);
    assert_eq!(reads.load(Ordering::SeqCst), 1, "readers share the keys");
    clone.get_bytes("d").await.unwrap();
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn keys_that_have_not_changed_are_not_read_for_every_object() {
    let bucket = Bucket::start().await;
    let (key, lost) = (FernetKeys::generate(), FernetKeys::generate());
    let writer = bucket.vault(&[&lost], Compression::Zstd);
    let (vault, reads) = renewing(bucket.vault(&[&key], Compression::Zstd), Ok(parse(&[&key])));
    for name in ["a", "b", "c"] {
        writer.put_bytes(name, b"{}", Seal::Encrypt).await.unwrap();
        let error = vault.get_bytes(name).await.unwrap_err();
        assert_eq!(why(error), Unreadable::NoKeyFits { keys: 1 });
    }
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}

#[rstest]
#[case(true)]
#[case(false)]
#[tokio::test]
async fn keys_out_of_reach_are_told_apart_from_keys_that_do_not_fit(#[case] is_transient: bool) {
    let bucket = Bucket::start().await;
    let (key, lost) = (FernetKeys::generate(), FernetKeys::generate());
    let writer = bucket.vault(&[&lost], Compression::Zstd);
    writer.put_bytes("a", b"{}", Seal::Encrypt).await.unwrap();
    let failure = ReadKeysError {
        message: "no answer".to_owned(),
        is_transient,
    };
    let (vault, _) = renewing(bucket.vault(&[&key], Compression::Zstd), Err(failure));
    let error = vault.get_bytes("a").await.unwrap_err();
    assert_eq!(error.is_transient(), is_transient, "{error}");
}

/// The index of the key under which the vault writes.
async fn seals_with(vault: &Vault, reader: &Vault) -> usize {
    vault.put_bytes("seal", b"{}", Seal::Encrypt).await.unwrap();
    let (_, info) = reader.get_with_info("seal").await.unwrap();
    let StoredAs::Sealed { key_index, .. } = info.stored_as else {
        panic!("{info:?}")
    };
    key_index
}

#[tokio::test]
async fn keys_that_are_old_are_read_again_so_that_new_objects_have_the_new_key() {
    let bucket = Bucket::start().await;
    let (old, new) = (FernetKeys::generate(), FernetKeys::generate());
    let reader = bucket.vault(&[&new, &old], Compression::Zstd);
    let (vault, reads) = renewing(
        bucket.vault(&[&old], Compression::Zstd),
        Ok(parse(&[&new, &old])),
    );
    vault.refresh_keys(Duration::from_secs(60)).await.unwrap();
    assert_eq!(seals_with(&vault, &reader).await, 1, "the keys are young");
    assert_eq!(reads.load(Ordering::SeqCst), 0);
    vault.refresh_keys(Duration::ZERO).await.unwrap();
    assert_eq!(seals_with(&vault, &reader).await, 0);
    vault.refresh_keys(Duration::from_secs(60)).await.unwrap();
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn keys_out_of_reach_are_used_until_they_are_far_too_old() {
    let bucket = Bucket::start().await;
    let key = FernetKeys::generate();
    let failure = ReadKeysError {
        message: "no answer".to_owned(),
        is_transient: true,
    };
    let (vault, reads) = renewing(bucket.vault(&[&key], Compression::Zstd), Err(failure));
    let max_age = Duration::from_millis(500);
    tokio::time::sleep(max_age).await;
    for _ in 0..3 {
        vault.refresh_keys(max_age).await.unwrap();
    }
    assert_eq!(reads.load(Ordering::SeqCst), 1, "not for every step");
    let error = vault.refresh_keys(Duration::ZERO).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().contains("no answer"), "{error}");
}

#[rstest]
#[case::versioned(true)]
#[case::unversioned(false)]
#[tokio::test]
async fn a_version_is_read_as_long_as_the_bucket_has_it(#[case] is_versioned: bool) {
    let bucket = Bucket::start().await;
    if is_versioned {
        bucket.server.keep_versions(BUCKET).unwrap();
    }
    let key = FernetKeys::generate();
    let vault = bucket.vault(&[&key], Compression::Zstd);
    vault.put_bytes("a", b"{}", Seal::Encrypt).await.unwrap();
    let (_, info) = vault.get_with_info("a").await.unwrap();
    let first = info.version().unwrap();
    assert_eq!(first.version_id.is_some(), is_versioned);
    assert_eq!(
        vault.head("a").await.unwrap().unwrap().version(),
        Some(first.clone())
    );
    vault.get_version("a", Some(&first)).await.unwrap();

    vault.put_bytes("a", b"[]", Seal::Encrypt).await.unwrap();
    let now = vault.head("a").await.unwrap().unwrap().version().unwrap();
    assert!(!now.is_same(&first));
    let again = vault.get_version("a", Some(&first)).await;
    if is_versioned {
        let (bytes, info) = again.unwrap();
        assert_eq!(
            (bytes.as_slice(), info.version()),
            (&b"{}"[..], Some(first.clone()))
        );
    } else {
        assert!(matches!(again.unwrap_err(), VaultError::Changed { .. }));
    }
    let gone = ObjectVersion {
        version_id: Some("00".to_owned()),
        ..first
    };
    let error = vault.get_version("a", Some(&gone)).await.unwrap_err();
    assert!(matches!(error, VaultError::NotFound { .. }), "{error}");
}
