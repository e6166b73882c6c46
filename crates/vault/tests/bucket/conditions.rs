//! Objects that appear under a condition, also if a response is lost on the way.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rstest::rstest;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;
use vault::{
    AwsOptions, Compression, FernetKeys, ObjectWriter, PreparedObject, Seal, Vault, VaultError,
    WriteCondition, s3_client,
};

use crate::support::{BUCKET, Bucket, Noise};

const MIB: usize = 1024 * 1024;
/// Fits into one request, or needs several parts.
const SIZES: [usize; 2] = [100, 20 * MIB];

async fn written(mut writer: ObjectWriter, seed: u64, size: usize) -> PreparedObject {
    let writer = spawn_blocking(move || {
        writer.write_all(&Noise::bytes(seed, size)).unwrap();
        writer
    });
    writer.await.unwrap().prepare().await.unwrap()
}

/// An object that is complete, but not visible yet.
async fn prepared(vault: &Vault, key: &str, seed: u64, size: usize) -> PreparedObject {
    written(vault.create(key, Seal::Encrypt), seed, size).await
}

/// As [`prepared`], but of a second writer on the key: its parts are sent when it is
/// published, so the upload of the other one goes on.
async fn held(vault: &Vault, key: &str, seed: u64, size: usize) -> PreparedObject {
    written(vault.create_movable(key, Seal::Encrypt), seed, size).await
}

async fn vault_of(bucket: &Bucket) -> Vault {
    bucket.vault(&[&FernetKeys::generate()], Compression::None)
}

fn is_changed(result: &Result<vault::ObjectInfo, VaultError>) -> bool {
    matches!(result, Err(VaultError::Changed { .. }))
}

#[tokio::test]
async fn an_object_replaces_only_what_its_writer_has_seen() {
    let bucket = Bucket::start().await;
    let vault = vault_of(&bucket).await;
    for size in SIZES {
        let key = format!("of {size} bytes");
        let absent = WriteCondition::still(vault.head(&key).await.unwrap().as_ref());
        assert_eq!(absent, WriteCondition::IfAbsent);
        let (first, second) = (
            prepared(&vault, &key, 1, size).await,
            held(&vault, &key, 2, size).await,
        );
        assert!(!vault.exists(&key).await.unwrap());
        let first = first.publish(absent.clone()).await.unwrap();
        assert!(is_changed(&second.publish(absent).await));

        let seen = WriteCondition::still(vault.head(&key).await.unwrap().as_ref());
        assert_eq!(seen, WriteCondition::IfMatch(first.etag.unwrap()));
        let (third, fourth) = (
            prepared(&vault, &key, 3, size).await,
            held(&vault, &key, 4, size).await,
        );
        third.publish(seen.clone()).await.unwrap();
        assert!(is_changed(&fourth.publish(seen.clone()).await));
        assert_eq!(
            vault.get_bytes(&key).await.unwrap(),
            Noise::bytes(3, size),
            "{size}"
        );
        bucket.delete(&key).await;
        let fifth = prepared(&vault, &key, 5, size).await;
        assert!(is_changed(&fifth.publish(seen).await));
        assert!(!vault.exists(&key).await.unwrap());
        assert_eq!(bucket.leftovers(), Vec::<std::path::PathBuf>::new());
    }
}

/// A worker that has lost its claim may still hold an object that it has not published.
#[tokio::test]
async fn the_upload_of_an_earlier_writer_fails_and_replaces_nothing() {
    let bucket = Bucket::start().await;
    let vault = vault_of(&bucket).await;
    let earlier = prepared(&vault, "a", 1, SIZES[1]).await;
    let later = prepared(&vault, "a", 2, SIZES[1]).await;
    later.publish(WriteCondition::IfAbsent).await.unwrap();
    assert!(earlier.publish(WriteCondition::Always).await.is_err());
    assert_eq!(
        vault.get_bytes("a").await.unwrap(),
        Noise::bytes(2, SIZES[1])
    );
}

#[tokio::test]
async fn a_prepared_object_knows_its_hash_and_leaves_nothing_if_it_is_discarded() {
    let bucket = Bucket::start().await;
    let vault = vault_of(&bucket).await;
    for size in SIZES {
        let object = prepared(&vault, "a", 6, size).await;
        let info = object.info().clone();
        object.abort().await;
        assert_eq!(bucket.leftovers(), Vec::<std::path::PathBuf>::new());
        assert!(!vault.exists("a").await.unwrap());
        let stored = vault
            .put_bytes("b", &Noise::bytes(6, size), Seal::Encrypt)
            .await
            .unwrap();
        assert_eq!((info.bytes, info.sha256), (stored.bytes, stored.sha256));
    }
}

#[tokio::test]
async fn a_movable_object_appears_under_its_last_key() {
    let bucket = Bucket::start().await;
    let vault = vault_of(&bucket).await;
    for size in SIZES {
        let object = written(vault.create_movable("first", Seal::Encrypt), 7, size).await;
        assert_eq!(bucket.leftovers(), Vec::<std::path::PathBuf>::new());
        let first = object.info().clone();
        let object = vault.move_to(object, "last").await.unwrap();
        let info = object.publish(WriteCondition::Always).await.unwrap();
        assert_eq!(info.key, "last");
        assert_eq!((info.bytes, info.sha256), (first.bytes, first.sha256));
        let reader = vault.open_sealed("last").await.unwrap();
        assert_eq!(reader.info().stored_bytes, info.stored_bytes);
        assert_eq!(
            vault.get_sealed_bytes("last").await.unwrap(),
            Noise::bytes(7, size)
        );
        assert!(!vault.exists("first").await.unwrap());
    }
    let begun = prepared(&vault, "first", 8, SIZES[1]).await;
    let error = vault.move_to(begun, "last").await.unwrap_err();
    assert!(matches!(error, VaultError::Begun { .. }), "{error}");
}

#[tokio::test]
async fn a_copy_is_made_only_of_what_was_seen() {
    let bucket = Bucket::start().await;
    let vault = vault_of(&bucket).await;
    let first = vault.put_bytes("a", b"first", Seal::Encrypt).await.unwrap();
    vault
        .put_bytes("a", b"second", Seal::Encrypt)
        .await
        .unwrap();
    let copied = vault.copy("a", first.etag.as_deref(), "b").await;
    assert!(matches!(copied, Err(VaultError::Changed { .. })));
    assert!(!vault.exists("b").await.unwrap());
    let seen = vault.head("a").await.unwrap().unwrap().etag;
    vault.copy("a", seen.as_deref(), "b").await.unwrap();
    assert_eq!(vault.get_bytes("b").await.unwrap(), b"second");
}

/// Passes requests on to `server`. Of the first request that begins like this, the response is
/// lost. If it `hides` objects, it does not tell what the bucket has after that.
async fn losing(
    server: SocketAddr,
    request: &'static str,
    hides: bool,
) -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let has_lost = Arc::new(AtomicBool::new(false));
    let lost = Arc::clone(&has_lost);
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(server).await.unwrap();
            tokio::spawn(pass_on(client, server, request, hides, Arc::clone(&lost)));
        }
    });
    (endpoint, has_lost)
}

async fn pass_on(
    mut client: TcpStream,
    mut server: TcpStream,
    request: &str,
    hides: bool,
    has_lost: Arc<AtomicBool>,
) {
    const AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    let (mut sent, mut received) = (vec![0; 65536], vec![0; 65536]);
    let mut loses = false;
    loop {
        tokio::select! {
            count = client.read(&mut sent) => {
                let Ok(count @ 1..) = count else { return };
                if hides && has_lost.load(Ordering::SeqCst) && sent.starts_with(b"HEAD ") {
                    client.write_all(AWAY).await.unwrap();
                    continue;
                }
                loses |= sent.starts_with(request.as_bytes()) && !has_lost.swap(true, Ordering::SeqCst);
                server.write_all(&sent[..count]).await.unwrap();
            }
            count = server.read(&mut received) => {
                let Ok(count @ 1..) = count else { return };
                if loses || client.write_all(&received[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[rstest]
#[case::in_one_request("PUT /archive/a?", SIZES[0])]
#[case::in_parts("POST /archive/a?uploadId", SIZES[1])]
#[tokio::test]
async fn a_writer_whose_response_is_lost_knows_its_own_object(
    #[case] request: &'static str,
    #[case] size: usize,
) {
    let bucket = Bucket::start().await;
    let keys = FernetKeys::generate();
    let direct = bucket.vault(&[&keys], Compression::None);
    let (vault, has_lost) = vault_over(&bucket, &keys, request, false).await;

    let object = prepared(&vault, "a", 9, size).await;
    let info = object.publish(WriteCondition::IfAbsent).await.unwrap();
    assert!(has_lost.load(Ordering::SeqCst), "no response was lost");
    assert_eq!(info.etag, direct.head("a").await.unwrap().unwrap().etag);
    assert_eq!(direct.get_bytes("a").await.unwrap(), Noise::bytes(9, size));
}

#[rstest]
#[case::in_one_request("PUT /archive/a?", SIZES[0])]
#[case::in_parts("POST /archive/a?uploadId", SIZES[1])]
#[tokio::test]
async fn a_writer_that_cannot_look_whose_object_it_is_blames_nobody(
    #[case] request: &'static str,
    #[case] size: usize,
) {
    let bucket = Bucket::start().await;
    let keys = FernetKeys::generate();
    let (vault, has_lost) = vault_over(&bucket, &keys, request, true).await;
    let object = prepared(&vault, "a", 9, size).await;
    let error = object.publish(WriteCondition::IfAbsent).await.unwrap_err();
    assert!(has_lost.load(Ordering::SeqCst), "no response was lost");
    assert!(matches!(error, VaultError::Unavailable { .. }), "{error}");
}

/// A vault whose requests go over [`losing`].
async fn vault_over(
    bucket: &Bucket,
    key: &SecretString,
    request: &'static str,
    hides: bool,
) -> (Vault, Arc<AtomicBool>) {
    let server = bucket.server.endpoint_url();
    let server = server.strip_prefix("http://").unwrap().parse().unwrap();
    let (endpoint, has_lost) = losing(server, request, hides).await;
    let options = AwsOptions::from_lookup(|name| match name {
        "AWS_ENDPOINT_URL_S3" => Some(endpoint.clone()),
        "AWS_ACCESS_KEY_ID" => Some(bucket.server.access_key().to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(bucket.server.secret_key().to_owned()),
        _ => None,
    });
    let client = s3_client(&options.load().await, &options);
    let keys = crate::support::parse(&[key]);
    let vault = Vault::new(client, BUCKET, keys, Compression::None);
    (vault, has_lost)
}

#[tokio::test]
async fn a_publication_that_is_given_up_does_not_happen_later() {
    let bucket = Bucket::start().await;
    let vault = vault_of(&bucket).await;
    let object = prepared(&vault, "a", 10, SIZES[1]).await;
    let publishing = object.publish(WriteCondition::Always);
    let given_up = tokio::time::timeout(std::time::Duration::from_millis(1), publishing).await;
    assert!(given_up.is_err(), "the last part took no time");
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if bucket.leftovers().is_empty() {
            break;
        }
    }
    assert_eq!(bucket.leftovers(), Vec::<std::path::PathBuf>::new());
    assert!(!vault.exists("a").await.unwrap());
}
