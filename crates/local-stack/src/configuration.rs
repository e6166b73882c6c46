//! The configuration: what a start on a kept folder leaves of it, and its changes while everything
//! runs, as `mds config put` makes them.

use std::path::Path;
use std::{fs, io};

use serde_json::{Map, Value};
use vault::{Seal, Vault, VaultError};

use crate::private_file::{read_private, write_private};
use crate::{LocalStack, StackError};

/// The folder, in a kept one, with what its starts have put into the configuration.
pub const STARTS_FOLDER: &str = "starts";

/// How many starts are kept: what the last ones have put into a file, the latest one first. A value
/// that is none of theirs is somebody else's.
const STARTS: usize = 8;

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

/// Puts a file of the configuration. In a kept `folder`, what others have put into the file stays;
/// the addresses of the parts are those of this start.
pub(crate) async fn put(
    vault: &Vault,
    key: &str,
    new: Value,
    folder: Option<&Path>,
) -> Result<(), StackError> {
    let content = match folder {
        Some(folder) => {
            let starts = folder.join(STARTS_FOLDER);
            fs::create_dir_all(&starts)?;
            kept(vault, key, new, &starts.join(key.replace('/', "-"))).await?
        }
        None => new,
    };
    vault.put_json(key, &content, Seal::Encrypt).await?;
    Ok(())
}

async fn kept(vault: &Vault, key: &str, new: Value, record: &Path) -> Result<Value, StackError> {
    let stored: Option<Value> = match vault.get_json(key).await {
        Ok(stored) => Some(stored),
        Err(VaultError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let mut starts: Vec<Value> = match read_private(record) {
        Ok(text) => serde_json::from_str(&text).map_err(io::Error::from)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let content = match stored {
        Some(stored) => carried_over(&stored, &starts.iter().collect::<Vec<_>>(), &new),
        None => new.clone(),
    };
    // Before the file itself: a start that is killed in between has put nothing that is not known.
    starts.insert(0, new);
    starts.truncate(STARTS);
    write_private(record, &Value::from(starts).to_string())?;
    Ok(content)
}

/// What a start makes of a stored value: its own one, unless somebody has put another one or has
/// removed it. Without a record of earlier starts, what has the name of an own value is one.
fn carried_over(stored: &Value, starts: &[&Value], new: &Value) -> Value {
    let (Value::Object(old), Value::Object(own)) = (stored, new) else {
        let is_own = starts.is_empty() || starts.contains(&stored);
        return if is_own { new } else { stored }.clone();
    };
    let mut members = old.clone();
    // What only earlier starts had is no longer there.
    let is_former = |name: &str, value: &Value| starts.iter().any(|it| it.get(name) == Some(value));
    members.retain(|name, value| own.contains_key(name) || !is_former(name, value));
    for (name, value) in own {
        let before: Vec<_> = starts.iter().filter_map(|it| it.get(name)).collect();
        match old.get(name) {
            Some(stored) => {
                members.insert(name.clone(), carried_over(stored, &before, value));
            }
            None if before.is_empty() => {
                members.insert(name.clone(), value.clone());
            }
            None => {}
        }
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests;
