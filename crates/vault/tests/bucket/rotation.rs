//! Rotation of the key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::support::{BUCKET, Bucket, Noise};
use secrecy::{ExposeSecret as _, SecretString};
use vault::{
    Compression, FernetKeys, RotationOutcome, RotationReport, Seal, StoredAs, Unreadable, Vault,
    VaultError,
};

struct Keys {
    old: SecretString,
    new: SecretString,
}

impl Keys {
    fn new() -> Self {
        Self {
            old: FernetKeys::generate(),
            new: FernetKeys::generate(),
        }
    }
}

fn name(number: u64) -> String {
    format!("production/bird/{number:03}/trips.json")
}

async fn fill(vault: &Vault, count: u64) {
    for number in 0..count {
        vault
            .put_bytes(&name(number), name(number).as_bytes(), Seal::Encrypt)
            .await
            .unwrap();
    }
}

async fn assert_readable(vault: &Vault, count: u64) {
    for number in 0..count {
        assert_eq!(
            vault.get_bytes(&name(number)).await.unwrap(),
            name(number).as_bytes()
        );
    }
}

fn counts(report: &RotationReport) -> [u64; 5] {
    let failed = report.failed.len() as u64;
    [
        report.rotated,
        report.already_current,
        report.plain,
        report.foreign,
        failed,
    ]
}

#[tokio::test]
async fn everything_sealed_comes_under_the_first_key_and_the_rest_is_left_alone() {
    let (bucket, keys) = (Bucket::start().await, Keys::new());
    let old = bucket.vault(&[&keys.old], Compression::Zstd);
    let both = bucket.vault(&[&keys.new, &keys.old], Compression::Zstd);
    let new = bucket.vault(&[&keys.new], Compression::Zstd);
    let large = Noise::bytes(1, 30 * 1024 * 1024);
    fill(&old, 20).await;
    old.put_bytes("large", &large, Seal::Encrypt).await.unwrap();
    old.clone()
        .with_compression(Compression::None)
        .put_bytes("uncompressed", b"{}", Seal::Encrypt)
        .await
        .unwrap();
    new.put_bytes("current", b"{}", Seal::Encrypt)
        .await
        .unwrap();
    bucket.put_raw("plain.json", *b" {\"a\": 1}").await;
    bucket.put_raw("notes.txt", *b"hello").await;
    bucket.put_raw("empty", *b"").await;
    let other = bucket.vault(&[&FernetKeys::generate()], Compression::Zstd);
    other.put_bytes("lost", b"{}", Seal::Encrypt).await.unwrap();
    let lost = bucket.raw("lost").await;

    let (mut last, mut failed) = (0, Vec::new());
    let report = both
        .rotate("", |progress| {
            assert_eq!(progress.done(), last + 1);
            last = progress.done();
            if progress.outcome == RotationOutcome::Failed {
                failed.push(progress.key.to_owned());
            }
        })
        .await
        .unwrap();

    assert_eq!(counts(&report), [22, 1, 1, 2, 1], "{report}");
    assert_eq!(failed, ["lost"]);
    assert!(matches!(
        report.failed[0].error,
        VaultError::Unreadable {
            why: Unreadable::NoKeyFits { keys: 2 },
            ..
        }
    ));
    assert_readable(&new, 20).await;
    assert!(new.get_bytes("large").await.unwrap() == large);
    let reader = new.open("uncompressed").await.unwrap();
    assert_eq!(
        reader.info().stored_as,
        StoredAs::Sealed {
            key_index: 0,
            compressed: false
        }
    );
    assert_eq!(bucket.raw("plain.json").await, b" {\"a\": 1}");
    assert_eq!(bucket.raw("notes.txt").await, b"hello");
    assert_eq!(bucket.raw("empty").await, b"");
    assert_eq!(bucket.raw("lost").await, lost);
    assert!(bucket.leftovers().is_empty());
}

#[tokio::test]
async fn only_the_prefix_is_rotated() {
    let (bucket, keys) = (Bucket::start().await, Keys::new());
    let old = bucket.vault(&[&keys.old], Compression::Zstd);
    old.put_bytes("config/settings.json", b"{}", Seal::Encrypt)
        .await
        .unwrap();
    old.put_bytes("staging/a", b"{}", Seal::Encrypt)
        .await
        .unwrap();
    let both = bucket.vault(&[&keys.new, &keys.old], Compression::Zstd);
    let report = both.rotate("config/", |_| {}).await.unwrap();
    assert_eq!(counts(&report), [1, 0, 0, 0, 0]);
    old.get_bytes("staging/a").await.unwrap();
}

#[tokio::test]
async fn a_rotation_that_was_stopped_goes_on_where_it_was() {
    const COUNT: u64 = 60;
    let (bucket, keys) = (Bucket::start().await, Keys::new());
    fill(&bucket.vault(&[&keys.old], Compression::Zstd), COUNT).await;
    let both = bucket.vault(&[&keys.new, &keys.old], Compression::Zstd);

    let rotated = Arc::new(AtomicU64::new(0));
    let (seen, rotating) = (Arc::clone(&rotated), both.clone());
    let task = tokio::spawn(async move {
        rotating
            .rotate("", |progress| seen.store(progress.done(), Ordering::SeqCst))
            .await
    });
    while rotated.load(Ordering::SeqCst) < COUNT / 3 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());

    assert_readable(&both, COUNT).await;
    let report = both.rotate("", |_| {}).await.unwrap();
    assert_eq!(report.rotated + report.already_current, COUNT);
    assert!(
        report.already_current >= COUNT / 3 && report.rotated > 0,
        "{report}"
    );
    assert!(report.failed.is_empty());
    assert_readable(&bucket.vault(&[&keys.new], Compression::Zstd), COUNT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_can_be_read_at_every_moment() {
    const COUNT: u64 = 80;
    let (bucket, keys) = (Bucket::start().await, Keys::new());
    fill(&bucket.vault(&[&keys.old], Compression::Zstd), COUNT).await;
    // During a change of keys, a reader may have them in either order.
    let readers = [
        bucket.vault(&[&keys.new, &keys.old], Compression::Zstd),
        bucket.vault(&[&keys.old, &keys.new], Compression::Zstd),
    ];
    let done = Arc::new(AtomicBool::new(false));
    let reading = readers.map(|vault| {
        let done = Arc::clone(&done);
        tokio::spawn(async move {
            let mut rounds = 0;
            while !done.load(Ordering::SeqCst) || rounds == 0 {
                assert_readable(&vault, COUNT).await;
                rounds += 1;
            }
        })
    });
    let both = bucket.vault(&[&keys.new, &keys.old], Compression::Zstd);
    let report = both.rotate("", |_| {}).await.unwrap();
    done.store(true, Ordering::SeqCst);
    for task in reading {
        task.await.unwrap();
    }
    assert_eq!(counts(&report), [COUNT, 0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_meanwhile_is_never_put_back() {
    const COUNT: u64 = 40;
    let (bucket, keys) = (Bucket::start().await, Keys::new());
    let old = bucket.vault(&[&keys.old], Compression::Zstd);
    fill(&old, COUNT).await;
    // A process that does not know the new key yet, and rewrites each object during the rotation.
    let writer = {
        let old = old.clone();
        tokio::spawn(async move {
            for number in 0..COUNT {
                old.put_bytes(&name(number), b"newer", Seal::Encrypt)
                    .await
                    .unwrap();
            }
        })
    };
    let both = bucket.vault(&[&keys.new, &keys.old], Compression::Zstd);
    let first = both.rotate("", |_| {}).await.unwrap();
    writer.await.unwrap();
    assert_eq!(first.failed.len(), 0, "{first}");
    for number in 0..COUNT {
        assert_eq!(both.get_bytes(&name(number)).await.unwrap(), b"newer");
    }
    both.rotate("", |_| {}).await.unwrap();
    let new = bucket.vault(&[&keys.new], Compression::Zstd);
    for number in 0..COUNT {
        assert_eq!(new.get_bytes(&name(number)).await.unwrap(), b"newer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_objects_than_a_page_holds() {
    const COUNT: u64 = 2100;
    let (bucket, keys) = (Bucket::start().await, Keys::new());
    let sealer = fernet::Fernet::new(keys.old.expose_secret()).unwrap();
    let folder = bucket.server.folder().join(BUCKET);
    for number in 0..COUNT {
        let path = folder.join(format!("many/{number:05}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, sealer.encrypt(number.to_string().as_bytes())).unwrap();
    }
    let both = bucket.vault(&[&keys.new, &keys.old], Compression::Zstd);
    let report = both.rotate("", |_| {}).await.unwrap();
    assert_eq!(counts(&report), [COUNT, 0, 0, 0, 0]);
    let new = bucket.vault(&[&keys.new], Compression::Zstd);
    for number in (0..COUNT).step_by(97) {
        let text = new.get_bytes(&format!("many/{number:05}")).await.unwrap();
        assert_eq!(text, number.to_string().as_bytes());
    }
}

/// What an older tool wrote there may be the only copy, in a form that is not known: the older keys
/// have to stay until somebody has looked at it.
#[tokio::test]
async fn an_object_of_another_kind_in_the_place_of_a_sealed_one_is_named() {
    let (bucket, keys) = (Bucket::start().await, Keys::new());
    let old = bucket.vault(&[&keys.old], Compression::None);
    let both = bucket.vault(&[&keys.new, &keys.old], Compression::None);
    let good = "staging/rot/2020/1/1/5/trips.json";
    old.put_bytes(good, b"{}", Seal::Encrypt).await.unwrap();
    let token = String::from_utf8(bucket.raw(good).await).unwrap();
    let odd = [
        ("config/settings_staging.json", format!("'{token}'")),
        (
            "production/rot/2020/1/1/5/publish.json",
            format!("\"{token}\""),
        ),
        ("staging/rot/2020/1/1/6/trips.json", format!("b'{token}'")),
    ];
    for (key, text) in &odd {
        bucket.put_raw(key, text.clone().into_bytes()).await;
    }
    bucket.put_raw("staging/notes.txt", *b"hello").await;
    bucket.put_raw("other/2020/data.json", *b"hello").await;
    bucket
        .put_raw("staging/rot/2020/1/1/7/trips.json", *b"")
        .await;

    let report = both.rotate("", |_| {}).await.unwrap();

    let mut named: Vec<_> = report.failed.iter().map(|it| it.key.as_str()).collect();
    named.sort_unstable();
    assert_eq!(named, odd.each_ref().map(|(key, _)| *key));
    assert_eq!(counts(&report), [1, 0, 0, 3, 3], "{report}");
    let said = report.failed[0].to_string();
    assert!(
        said.contains(named[0]) || said.contains("neither JSON"),
        "{said}"
    );
    for (key, text) in &odd {
        assert_eq!(bucket.raw(key).await, text.as_bytes());
    }
}
