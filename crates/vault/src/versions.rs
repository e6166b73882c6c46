//! What a versioned bucket keeps of objects that were replaced or deleted.

use std::time::SystemTime;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::ObjectVersion;
use futures::StreamExt as _;

use crate::error::VaultError;
use crate::vault::Vault;

/// How many versions are deleted at the same time.
const CONCURRENCY: usize = 8;

/// How many versions of objects were deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PurgeReport {
    /// Versions that were deleted.
    pub deleted: u64,
    /// Versions that were kept, because they are younger.
    pub kept: u64,
}

/// A listing of the versions that are not current, in pages.
struct VersionPages<'a> {
    vault: &'a Vault,
    prefix: &'a str,
    next: Option<Markers>,
}

/// Where a page begins: after this version of this key. The first page has none.
#[derive(Default)]
struct Markers {
    key: Option<String>,
    version: Option<String>,
}

struct Noncurrent {
    key: String,
    id: String,
    written: Option<DateTime>,
}

impl Vault {
    /// Counts the versions of objects under `prefix` that are not current. A bucket without
    /// versioning has none.
    ///
    /// # Errors
    ///
    /// The error of listing them.
    pub async fn count_noncurrent(&self, prefix: &str) -> Result<u64, VaultError> {
        let (mut pages, mut count) = (VersionPages::new(self, prefix), 0);
        while let Some(page) = pages.next_page().await? {
            count += page.len() as u64;
        }
        Ok(count)
    }

    /// Deletes the versions of objects under `prefix` that are not current and were written before
    /// `before`. They cannot be restored.
    ///
    /// # Errors
    ///
    /// The error of listing or deleting them. What was deleted before it stays deleted.
    pub async fn purge_noncurrent(
        &self,
        prefix: &str,
        before: SystemTime,
    ) -> Result<PurgeReport, VaultError> {
        let before = DateTime::from(before);
        let mut pages = VersionPages::new(self, prefix);
        let mut report = PurgeReport::default();
        while let Some(page) = pages.next_page().await? {
            let (old, young): (Vec<_>, Vec<_>) = page
                .into_iter()
                .partition(|version| version.written.is_some_and(|written| written < before));
            report.kept += young.len() as u64;
            let mut deletions = futures::stream::iter(old)
                .map(|version| self.delete_version(version))
                .buffer_unordered(CONCURRENCY);
            while let Some(deleted) = deletions.next().await {
                deleted?;
                report.deleted += 1;
            }
        }
        Ok(report)
    }

    async fn delete_version(&self, version: Noncurrent) -> Result<(), VaultError> {
        let Noncurrent { key, id, .. } = version;
        self.client
            .delete_object()
            .bucket(self.bucket.name())
            .key(&key)
            .version_id(id)
            .send()
            .await
            .map_err(|error| self.bucket.error(&key, error))?;
        Ok(())
    }
}

impl<'a> VersionPages<'a> {
    fn new(vault: &'a Vault, prefix: &'a str) -> Self {
        Self {
            vault,
            prefix,
            next: Some(Markers::default()),
        }
    }

    async fn next_page(&mut self) -> Result<Option<Vec<Noncurrent>>, VaultError> {
        let Some(markers) = self.next.take() else {
            return Ok(None);
        };
        let response = self
            .vault
            .client
            .list_object_versions()
            .bucket(self.vault.bucket.name())
            .prefix(self.prefix)
            .set_key_marker(markers.key)
            .set_version_id_marker(markers.version)
            .send()
            .await
            .map_err(|error| self.vault.bucket.error(self.prefix, error))?;
        if response.is_truncated == Some(true) {
            self.next = Some(Markers {
                key: response.next_key_marker,
                version: response.next_version_id_marker,
            });
        }
        let versions = response.versions.unwrap_or_default();
        Ok(Some(versions.into_iter().filter_map(noncurrent).collect()))
    }
}

fn noncurrent(version: ObjectVersion) -> Option<Noncurrent> {
    if version.is_latest == Some(true) {
        return None;
    }
    Some(Noncurrent {
        key: version.key?,
        id: version.version_id?,
        written: version.last_modified,
    })
}
