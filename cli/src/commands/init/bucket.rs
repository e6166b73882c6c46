//! The bucket, before and after the files are in it.

use config::Environment;
use serde_json::Value;
use trips::text::strip_byte_order_mark;
use vault::{Compression, Seal, Unreadable, Vault, VaultError, WriteCondition};

use super::answers::Answers;
use crate::failure::usage;

/// The bucket, and the two files in it as they are now.
pub(super) struct Bucket {
    pub(super) env: Environment,
    pub(super) vault: Vault,
    pub(super) settings: Option<Vec<u8>>,
    pub(super) providers: Option<Vec<u8>>,
}

impl Bucket {
    pub(super) async fn open(env: &Environment) -> anyhow::Result<Self> {
        let vault = Box::pin(config::open_vault(env)).await?;
        vault.list("config/").next_page().await?;
        Ok(Self {
            settings: read(&vault, &env.settings_key).await?,
            providers: read(&vault, &env.providers_key).await?,
            env: env.clone(),
            // Uncompressed, so that the older Python tools can still read it.
            vault: vault.with_compression(Compression::None),
        })
    }

    /// Puts what is not there yet. Boundaries come first, since the settings name them.
    pub(super) async fn store(
        &self,
        answers: &Answers,
    ) -> anyhow::Result<Vec<(String, &'static str)>> {
        let mut done = Vec::new();
        for (layer, text) in &answers.boundaries {
            let stored = read(&self.vault, &layer.key).await?;
            done.push(
                self.put(
                    &layer.key,
                    text,
                    stored.as_deref(),
                    Seal::Plain,
                    "FILE --plain-text",
                )
                .await?,
            );
        }
        for (key, text, stored, file) in [
            (
                &self.env.settings_key,
                &answers.settings,
                &self.settings,
                super::local::SETTINGS,
            ),
            (
                &self.env.providers_key,
                &answers.providers,
                &self.providers,
                super::local::PROVIDERS,
            ),
        ] {
            if let Some(text) = text {
                done.push(
                    self.put(key, text.as_bytes(), stored.as_deref(), Seal::Encrypt, file)
                        .await?,
                );
            }
        }
        Ok(done)
    }

    /// Stores an object that is not there yet, and leaves one that is the same. Another one is
    /// somebody's work.
    async fn put(
        &self,
        key: &str,
        text: &[u8],
        stored: Option<&[u8]>,
        seal: Seal,
        file: &str,
    ) -> anyhow::Result<(String, &'static str)> {
        let state = match stored {
            None => {
                // Somebody else may be setting up the same bucket.
                let put = self
                    .vault
                    .put_bytes_if(key, text, seal, WriteCondition::IfAbsent);
                put.await?;
                "stored"
            }
            Some(stored) if is_same(stored, text) => "unchanged",
            Some(_) => {
                return Err(usage(format!(
                    "the bucket has another {key} than this folder: `mds config put {key} {file}` replaces the stored one; \
                     without the local file the stored one stays"
                )));
            }
        };
        note!("{key}: {state} in the bucket {}", self.vault.bucket());
        Ok((key.to_owned(), state))
    }
}

async fn read(vault: &Vault, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
    match vault.get_bytes(key).await {
        Ok(text) => Ok(Some(text)),
        Err(VaultError::NotFound { .. }) => Ok(None),
        Err(VaultError::Unreadable {
            why: Unreadable::NoKeyFits { .. },
            ..
        }) => Err(usage(format!(
            "the bucket has {key}, which another Fernet key has sealed: set ATD_MDS_FERNET_KEY to that key, or use \
             another bucket"
        ))),
        Err(error) => Err(error.into()),
    }
}

fn is_same(a: &[u8], b: &[u8]) -> bool {
    let value = |text: &[u8]| serde_json::from_slice::<Value>(strip_byte_order_mark(text)).ok();
    a == b || value(a).is_some_and(|a| value(b) == Some(a))
}
