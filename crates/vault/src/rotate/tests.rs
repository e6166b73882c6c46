//! An object that changes during its rotation.

use aws_sdk_s3::Client;
use sandbox_s3::S3;
use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::aws::{AwsOptions, s3_client};
use crate::fernet::FernetKeys;
use crate::vault::Seal;
use crate::write::{Compression, PreparedObject};

const BUCKET: &str = "archive";

async fn client(server: &S3) -> Client {
    let options = AwsOptions::from_lookup(|name| match name {
        "AWS_ENDPOINT_URL_S3" => Some(server.endpoint_url()),
        "AWS_ACCESS_KEY_ID" => Some(server.access_key().to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(server.secret_key().to_owned()),
        _ => None,
    });
    s3_client(&options.load().await, &options)
}

/// A vault with the old key, and one with the new key and the old one.
fn vaults(client: &Client) -> (Vault, Vault) {
    let (old, new) = (FernetKeys::generate(), FernetKeys::generate());
    let both = SecretString::from(format!("{},{}", new.expose_secret(), old.expose_secret()));
    let vault = |keys: &SecretString| {
        let keys = FernetKeys::parse(keys).unwrap();
        Vault::new(client.clone(), BUCKET, keys, Compression::None)
    };
    (vault(&old), vault(&both))
}

/// Rotates an object up to the point where it would be overwritten.
async fn half_rotated(vault: &Vault, key: &str) -> (PreparedObject, WriteCondition) {
    let fetched = vault.fetch(key).await.unwrap();
    let Spooled::Sealed { content, .. } = fetched.content else {
        panic!("not sealed")
    };
    let writer = copy(key, content, vault.reseal(key)).await.unwrap();
    let condition = WriteCondition::IfMatch(fetched.etag.unwrap());
    (writer.prepare().await.unwrap(), condition)
}

#[tokio::test]
async fn an_object_changed_since_it_was_read_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3::start(folder.path()).await.unwrap();
    server.create_bucket(BUCKET).unwrap();
    let client = client(&server).await;
    let (old, both) = vaults(&client);
    // Small enough for one request, and uploaded in parts.
    for size in [100, 20 * 1024 * 1024] {
        old.put_bytes("a", &vec![1; size], Seal::Encrypt)
            .await
            .unwrap();
        let (rotated, condition) = half_rotated(&both, "a").await;
        old.put_bytes("a", b"newer", Seal::Encrypt).await.unwrap();
        let error = rotated.publish(condition).await.unwrap_err();
        assert!(
            matches!(error, VaultError::Changed { .. }),
            "{size}: {error}"
        );
        assert_eq!(old.get_bytes("a").await.unwrap(), b"newer");
    }
}

#[tokio::test]
async fn an_object_deleted_since_it_was_read_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3::start(folder.path()).await.unwrap();
    server.create_bucket(BUCKET).unwrap();
    let client = client(&server).await;
    let (old, both) = vaults(&client);
    old.put_bytes("a", b"trips", Seal::Encrypt).await.unwrap();
    let (rotated, condition) = half_rotated(&both, "a").await;
    client
        .delete_object()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .unwrap();
    let error = rotated.publish(condition).await.unwrap_err();
    assert!(
        matches!(
            error,
            VaultError::Changed { .. } | VaultError::NotFound { .. }
        ),
        "{error}"
    );
    assert!(!old.exists("a").await.unwrap());
    assert_eq!(
        both.rotate_object("a").await.unwrap(),
        RotationOutcome::Gone
    );
}
