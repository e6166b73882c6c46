//! The configuration: what a start puts into the bucket, and its changes while everything runs, as
//! `mds config put` makes them.

use pipeline::MigrationRequest;
use sandbox_provider::city;
use serde_json::{Map, Value};
use vault::{Seal, Vault, VaultError};

use crate::addresses::Addresses;
use crate::{LocalStack, StackError, StackOptions};

const DATABASE_URL: &str = "DATABASE_URL";

impl LocalStack {
    /// Stores the settings file with another value under `key`; null removes the key.
    ///
    /// # Errors
    ///
    /// [`StackError::Vault`] if the file cannot be read or written.
    pub async fn put_setting(&self, key: &str, value: Value) -> Result<(), StackError> {
        let file = self.environment()?.settings_key;
        self.change(&file, |settings| {
            settings.insert(key.to_owned(), value);
        })
        .await
    }

    /// Stores the providers file with another value under `key` of a provider's entry.
    ///
    /// # Errors
    ///
    /// [`StackError::Vault`] if the file cannot be read or written.
    pub async fn put_provider(
        &self,
        provider: &str,
        key: &str,
        value: Value,
    ) -> Result<(), StackError> {
        let file = self.environment()?.providers_key;
        self.change(&file, |providers| {
            if let Some(Value::Object(entry)) = providers.get_mut(provider) {
                entry.insert(key.to_owned(), value);
            }
        })
        .await
    }

    async fn change(
        &self,
        file: &str,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<(), StackError> {
        let vault = config::open_vault(&self.environment()?).await?;
        let mut content = vault.get_json(file).await?;
        change(&mut content);
        vault.put_json(file, &content, Seal::Encrypt).await?;
        Ok(())
    }

    /// Stores configuration and boundaries, and creates the tables. In a kept folder, what others
    /// have put into the configuration stays.
    pub(crate) async fn configure(&self, options: &StackOptions) -> Result<(), StackError> {
        let env = self.environment()?;
        let vault = config::open_vault(&env).await?;
        let addresses = match &options.folder {
            Some(folder) => Addresses::recorded(self, folder)?,
            None => None,
        };
        for (key, own) in [
            (&env.settings_key, self.settings(options)),
            (&env.providers_key, self.providers_file(options)),
        ] {
            let content = match &addresses {
                Some(addresses) => kept(&vault, key, own, addresses).await?,
                None => own,
            };
            vault.put_json(key, &content, Seal::Encrypt).await?;
        }
        for (key, geojson) in city::layers() {
            vault
                .put_bytes(key, geojson.as_bytes(), Seal::Plain)
                .await?;
        }
        let config = config::load(env).await?;
        Box::pin(pipeline::migrate(&config, &MigrationRequest::default())).await?;
        Ok(())
    }
}

/// What the bucket has, with the addresses of this start; the stack's own content if there is none.
async fn kept(
    vault: &Vault,
    key: &str,
    own: Value,
    addresses: &Addresses,
) -> Result<Value, StackError> {
    let stored = match vault.get_json(key).await {
        Ok(stored) => stored,
        Err(VaultError::NotFound { .. }) => return Ok(own),
        Err(error) => return Err(error.into()),
    };
    let mut content = addresses.renewed(stored);
    // Nothing starts without the database, and the stack has no other one.
    if let (Some(url), Value::Object(members)) = (own.get(DATABASE_URL), &mut content) {
        members.insert(DATABASE_URL.to_owned(), url.clone());
    }
    Ok(content)
}
