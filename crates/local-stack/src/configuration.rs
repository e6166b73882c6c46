//! Changes of the configuration while everything runs, as `mds config put` makes them.

use serde_json::{Map, Value};
use vault::Seal;

use crate::{LocalStack, StackError};

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
}
