//! Rotation: re-encrypting every object under the first key.

use std::fmt;
use std::io;

use futures::StreamExt as _;

use crate::blocking::blocking;
use crate::error::{Unreadable, VaultError, vault_error};
use crate::fernet::Unsealer;
use crate::listing::ListedObject;
use crate::place::{is_page, is_place_of_sealed, may_be_plain};
use crate::read::Spooled;
use crate::vault::Vault;
use crate::write::{ObjectWriter, WriteCondition};

/// How many objects are rotated at the same time.
const CONCURRENCY: usize = 8;
/// How often an object is tried that other writers keep changing.
const MAX_ATTEMPTS: u32 = 3;

/// How many plain objects a report names.
const MAX_NAMED: usize = 1000;

/// What happened to one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationOutcome {
    /// It was under an older key and is now under the first one.
    Rotated,
    /// It was under the first key already.
    AlreadyCurrent,
    /// It is plain JSON and was left alone.
    Plain,
    /// It is neither JSON nor a token, so not one of ours, and was left alone. It is empty, or does
    /// not lie where only one of ours may.
    Foreign,
    /// It could not be read or replaced, and is unchanged.
    Failed,
    /// It was deleted during the rotation.
    Gone,
}

/// An object that could not be rotated.
#[derive(Debug, Clone)]
pub struct RotationFailure {
    /// The object's key.
    pub key: String,
    /// Why it could not be rotated.
    pub error: VaultError,
}

/// How many objects had which outcome.
#[derive(Debug, Clone, Default)]
pub struct RotationReport {
    /// Objects that were under an older key and are now under the first one.
    pub rotated: u64,
    /// Objects that were under the first key already.
    pub already_current: u64,
    /// Objects of plain JSON and status pages, which were left alone.
    pub plain: u64,
    /// The keys of those that should not be plain, as far as there is room for them.
    pub exposed: Vec<String>,
    /// Objects that are neither JSON nor a token, which were left alone.
    pub foreign: u64,
    /// Objects that could not be rotated and are unchanged.
    pub failed: Vec<RotationFailure>,
}

impl RotationReport {
    /// The number of objects that were looked at.
    #[must_use]
    pub fn seen(&self) -> u64 {
        let failed = self.failed.len() as u64;
        self.rotated + self.already_current + self.plain + self.foreign + failed
    }

    fn count(&mut self, key: &str, result: Result<RotationOutcome, VaultError>) -> RotationOutcome {
        let outcome = result.unwrap_or_else(|error| {
            self.failed.push(RotationFailure {
                key: key.to_owned(),
                error,
            });
            RotationOutcome::Failed
        });
        match outcome {
            RotationOutcome::Rotated => self.rotated += 1,
            RotationOutcome::AlreadyCurrent => self.already_current += 1,
            RotationOutcome::Plain => {
                self.plain += 1;
                if !may_be_plain(key) && self.exposed.len() < MAX_NAMED {
                    self.exposed.push(key.to_owned());
                }
            }
            RotationOutcome::Foreign => self.foreign += 1,
            RotationOutcome::Failed | RotationOutcome::Gone => {}
        }
        outcome
    }
}

impl fmt::Display for RotationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rotated, {} already under the first key, {} plain, {} of another kind, {} failed",
            self.rotated,
            self.already_current,
            self.plain,
            self.foreign,
            self.failed.len()
        )
    }
}

impl fmt::Display for RotationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The error names the key.
        self.error.fmt(f)
    }
}

/// Progress, reported after each object.
#[derive(Debug)]
pub struct RotationProgress<'a> {
    /// The object's key.
    pub key: &'a str,
    /// What happened to it.
    pub outcome: RotationOutcome,
    /// The counts so far.
    pub report: &'a RotationReport,
}

impl RotationProgress<'_> {
    /// The number of objects looked at so far.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.report.seen()
    }
}

impl Vault {
    /// Re-encrypts every sealed object under `prefix` with the first key.
    ///
    /// Each object is replaced by one atomic overwrite, and only if nobody has changed it since it
    /// was read. So every object stays readable throughout (with all keys in the configuration),
    /// and a concurrent writer loses nothing. The content inside the token stays the same byte for
    /// byte. A rotation may be stopped at any point: the next one skips what is under the first key
    /// already.
    ///
    /// An object that cannot be rotated is counted, and does not stop the others. If none failed,
    /// the older keys may be removed from the configuration, as far as this prefix is concerned.
    ///
    /// # Errors
    ///
    /// Only the error of listing the bucket.
    pub async fn rotate(
        &self,
        prefix: &str,
        mut progress: impl FnMut(&RotationProgress<'_>),
    ) -> Result<RotationReport, VaultError> {
        let mut report = RotationReport::default();
        let mut pages = self.list(prefix);
        while let Some(page) = pages.next_page().await? {
            let mut results = futures::stream::iter(page)
                .map(|object| self.rotate_listed(object))
                .buffer_unordered(CONCURRENCY);
            while let Some((key, result)) = results.next().await {
                let outcome = report.count(&key, result);
                progress(&RotationProgress {
                    key: &key,
                    outcome,
                    report: &report,
                });
            }
        }
        Ok(report)
    }

    async fn rotate_listed(
        &self,
        object: ListedObject,
    ) -> (String, Result<RotationOutcome, VaultError>) {
        let result = self.rotate_object(&object.key).await;
        (object.key, result)
    }

    async fn rotate_object(&self, key: &str) -> Result<RotationOutcome, VaultError> {
        if is_page(key) {
            return Ok(RotationOutcome::Plain);
        }
        let mut attempt = 1;
        loop {
            match self.rotate_once(key).await {
                Err(VaultError::Changed { .. }) if attempt < MAX_ATTEMPTS => attempt += 1,
                Err(VaultError::NotFound { .. }) => return Ok(RotationOutcome::Gone),
                Err(VaultError::Unreadable {
                    why: Unreadable::Empty,
                    ..
                }) => return Ok(RotationOutcome::Foreign),
                // In the place of one of ours, it may be a token in a form that is not known, which
                // an older key opens.
                Err(VaultError::Unreadable {
                    why: Unreadable::Unknown,
                    ..
                }) if !is_place_of_sealed(key) => return Ok(RotationOutcome::Foreign),
                result => return result,
            }
        }
    }

    async fn rotate_once(&self, key: &str) -> Result<RotationOutcome, VaultError> {
        let fetched = self.fetch(key).await?;
        let content = match fetched.content {
            Spooled::Plain(_) => return Ok(RotationOutcome::Plain),
            Spooled::Sealed { key_index: 0, .. } => return Ok(RotationOutcome::AlreadyCurrent),
            Spooled::Sealed { content, .. } => content,
        };
        let writer = copy(key, content, self.reseal(key)).await?;
        let condition = WriteCondition::tagged(fetched.etag);
        writer.prepare().await?.publish(condition).await?;
        Ok(RotationOutcome::Rotated)
    }
}

async fn copy(
    key: &str,
    mut content: Box<Unsealer>,
    mut writer: ObjectWriter,
) -> Result<ObjectWriter, VaultError> {
    let owned = key.to_owned();
    blocking(key, move || {
        io::copy(&mut content, &mut writer).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => VaultError::unreadable(&owned, Unreadable::Content),
            _ => vault_error(&owned, &error),
        })?;
        Ok(writer)
    })
    .await
}

#[cfg(test)]
mod tests;
