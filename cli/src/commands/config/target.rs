//! The object of the configuration that a command works on, and what is stored there.

use anyhow::Context as _;
use config::Environment;
use trips::block::Stage;
use vault::{StoredAs, Vault, VaultError};

use super::history;
use super::names;
use super::redact::{self, Kind};
use crate::args::StageArgs;
use crate::commands::connect;

/// An object by its key, and the bucket that holds it.
pub(super) struct Target {
    pub(super) env: Environment,
    pub(super) vault: Vault,
    pub(super) key: String,
}

/// What the bucket has under the key.
pub(super) struct Stored {
    /// The text; `None` if no key opens the object.
    pub(super) text: Option<Vec<u8>>,
    pub(super) stored_as: Option<StoredAs>,
    pub(super) etag: Option<String>,
}

impl Target {
    /// Opens the bucket. `name` is `settings`, `providers` or a key.
    pub(super) async fn open(name: &str, stage: &StageArgs) -> anyhow::Result<Self> {
        let (env, vault) = bucket(stage).await?;
        let key = names::key_of(name, &env);
        // Uncompressed, so that the older Python tools can still read it.
        let vault = if names::has_to_be_sealed(&key, &env) {
            vault
        } else {
            vault.with_compression(vault::Compression::None)
        };
        Ok(Self { env, vault, key })
    }

    pub(super) fn kind(&self) -> Kind {
        redact::kind_of(&self.key, &self.env)
    }

    pub(super) fn is_providers(&self) -> bool {
        self.key == self.env.providers_key
    }

    /// Reads the object as whoever uses it does; `None` if there is none.
    pub(super) async fn current(&self) -> anyhow::Result<Option<Stored>> {
        match self.vault.get_with_info(&self.key).await {
            Ok((text, info)) => Ok(Some(Stored {
                text: Some(text),
                stored_as: Some(info.stored_as),
                etag: info.etag,
            })),
            Err(VaultError::NotFound { .. }) => Ok(None),
            Err(VaultError::Unreadable { .. }) => {
                let head = self.vault.head(&self.key).await?;
                Ok(head.map(|head| Stored {
                    text: None,
                    stored_as: None,
                    etag: head.etag,
                }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The text of the object as it is stored, or of a former version.
    pub(super) async fn text(&self, version: Option<&str>) -> anyhow::Result<Vec<u8>> {
        let key = match version {
            None => self.key.clone(),
            Some(version) => history::find(self, version).await?,
        };
        // Whoever reads an object of a block should see what the steps accept, and nothing else.
        let text = if names::has_to_be_sealed(&key, &self.env) {
            self.vault.get_sealed_bytes(&key).await
        } else {
            self.vault.get_bytes(&key).await
        };
        text.with_context(|| format!("{key} cannot be read"))
    }
}

/// The bucket, and the environment of the stage that is asked for.
pub(super) async fn bucket(stage: &StageArgs) -> anyhow::Result<(Environment, Vault)> {
    let (mut env, vault) = connect::bucket().await?;
    if stage.production {
        env = env.with_stage(Stage::Production);
    }
    Ok((env, vault))
}
