//! `extract.json` next to an archive, as the steps read it.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use trips::block::{BlockObject, key_beside};
use vault::{Unreadable, Vault, VaultError};

/// The `extract.json` of a block. What it has to say depends on who asks.
pub(crate) struct BlockReport {
    pub(crate) key: String,
    text: Box<RawValue>,
}

impl BlockReport {
    /// Reads the report next to an archive; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`VaultError::Unreadable`], or the bucket is out of reach.
    pub(crate) async fn read(vault: &Vault, trips_key: &str) -> Result<Option<Self>, VaultError> {
        let key = key_beside(trips_key, BlockObject::Extract);
        match vault.get_sealed_json(&key).await {
            Err(VaultError::NotFound { .. }) => Ok(None),
            text => Ok(Some(Self { text: text?, key })),
        }
    }

    /// As [`BlockReport::read`], for those to whom the archive is right, whatever became of its
    /// report: one that cannot be read is none.
    ///
    /// # Errors
    ///
    /// The bucket is out of reach.
    pub(crate) async fn read_if_readable(
        vault: &Vault,
        trips_key: &str,
    ) -> Result<Option<Self>, VaultError> {
        match Self::read(vault, trips_key).await {
            Err(VaultError::Unreadable { .. }) => Ok(None),
            report => report,
        }
    }

    /// What the report says, in the form that is needed.
    ///
    /// # Errors
    ///
    /// [`VaultError::Unreadable`] if it does not have that form.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, VaultError> {
        serde_json::from_str(self.text.get()).map_err(|error| {
            let why = Unreadable::Json {
                line: error.line(),
                column: error.column(),
            };
            VaultError::unreadable(&self.key, why)
        })
    }
}
