//! A bucket on loopback, vaults over it, and content to store.

use std::path::PathBuf;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use sandbox_s3::S3;
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use vault::{AwsOptions, Compression, FernetKeys, Vault, s3_client};

pub(crate) const BUCKET: &str = "archive";

pub(crate) struct Bucket {
    pub(crate) client: Client,
    pub(crate) server: S3,
    folder: TempDir,
}

impl Bucket {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = S3::start(folder.path()).await.unwrap();
        server.create_bucket(BUCKET).unwrap();
        let endpoint = server.endpoint_url();
        let options = AwsOptions::from_lookup(|name| match name {
            "AWS_ENDPOINT_URL_S3" => Some(endpoint.clone()),
            "AWS_ACCESS_KEY_ID" => Some(server.access_key().to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some(server.secret_key().to_owned()),
            _ => None,
        });
        let client = s3_client(&options.load().await, &options);
        Self {
            client,
            server,
            folder,
        }
    }

    pub(crate) fn vault(&self, keys: &[&SecretString], compression: Compression) -> Vault {
        Vault::new(self.client.clone(), BUCKET, parse(keys), compression)
    }

    /// Returns what the bucket holds under `key`, without going through a vault.
    pub(crate) async fn raw(&self, key: &str) -> Vec<u8> {
        let response = self
            .client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        response.body.collect().await.unwrap().to_vec()
    }

    /// Puts bytes into the bucket, without going through a vault.
    pub(crate) async fn put_raw(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let body = ByteStream::from(bytes.into());
        self.client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(body)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn delete(&self, key: &str) {
        let request = self.client.delete_object().bucket(BUCKET).key(key);
        request.send().await.unwrap();
    }

    /// Returns the files of unfinished uploads, which the server keeps outside the bucket.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_string_lossy()
                    .contains("upload")
            })
            .collect()
    }
}

pub(crate) fn parse(keys: &[&SecretString]) -> FernetKeys {
    let list: Vec<&str> = keys.iter().map(|key| key.expose_secret()).collect();
    FernetKeys::parse(&SecretString::from(list.join(","))).unwrap()
}

/// Reproducible bytes that compress to about a half: hexadecimal digits of pseudo-random numbers.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        for digits in out.chunks_mut(16) {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^= mixed >> 31;
            for digit in digits {
                *digit = b"0123456789abcdef"[usize::from(mixed.to_le_bytes()[0] & 15)];
                mixed >>= 4;
            }
        }
    }

    pub(crate) fn bytes(seed: u64, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        Self::new(seed).fill(&mut bytes);
        bytes
    }
}
