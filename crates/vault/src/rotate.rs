use std::fmt;
use std::io;

use futures::StreamExt as _;

use crate::blocking::blocking;
use crate::error::{Unreadable, VaultError, vault_error};
use crate::listing::ListedObject;
use crate::spooler::Spooled;
use crate::unsealer::Unsealer;
use crate::vault::Vault;
use crate::writer::ObjectWriter;

/// Objects worked on at a time.
const CONCURRENCY: usize = 8;
/// How often an object is taken up again that others keep changing.
const ATTEMPTS: u32 = 3;

/// What became of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationOutcome {
    /// Was under an older key, is under the first one now.
    Rotated,
    /// Was under the first key already.
    AlreadyCurrent,
    /// Plain JSON: left alone.
    Plain,
    /// No JSON and no token, so nothing of ours: left alone.
    Foreign,
    /// Could not be read or replaced, and is as it was.
    Failed,
    /// Was deleted meanwhile.
    Gone,
}

/// An object that could not be rotated.
#[derive(Debug, Clone)]
pub struct RotationFailure {
    /// The object's key.
    pub key: String,
    /// What stood in the way.
    pub error: VaultError,
}

/// How many objects became what.
#[derive(Debug, Clone, Default)]
pub struct RotationReport {
    /// Under an older key before, under the first one now.
    pub rotated: u64,
    /// Under the first key already.
    pub already_current: u64,
    /// Plain JSON, left alone.
    pub plain: u64,
    /// No JSON and no token, left alone.
    pub foreign: u64,
    /// Not rotated, and as they were.
    pub failed: Vec<RotationFailure>,
}

impl RotationReport {
    /// All objects that were looked at.
    #[must_use]
    pub fn seen(&self) -> u64 {
        let failed = self.failed.len() as u64;
        self.rotated + self.already_current + self.plain + self.foreign + failed
    }

    /// Whether the older keys can be taken out of the configuration, as far as the objects under
    /// this prefix go.
    #[must_use]
    pub fn older_keys_unused(&self) -> bool {
        self.failed.is_empty()
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
            RotationOutcome::Plain => self.plain += 1,
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

/// What a rotation tells after each object.
#[derive(Debug)]
pub struct RotationProgress<'a> {
    /// The object's key.
    pub key: &'a str,
    /// What became of it.
    pub outcome: RotationOutcome,
    /// The counts so far.
    pub report: &'a RotationReport,
}

impl RotationProgress<'_> {
    /// Objects looked at so far.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.report.seen()
    }
}

impl Vault {
    /// Puts every sealed object under `prefix` under the first key.
    ///
    /// Each object is replaced by one atomic overwrite, and only if it is still the one that was
    /// read, so it can be read at every moment (with all the keys in the configuration) and a
    /// concurrent writer loses nothing. The content inside the token stays the same byte for byte.
    /// Stopping at any point does no harm: another rotation goes on, finding what is done to be
    /// under the first key.
    ///
    /// An object that cannot be rotated is counted and the others go on.
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
        let mut attempt = 1;
        loop {
            match self.rotate_once(key).await {
                Err(VaultError::Changed { .. }) if attempt < ATTEMPTS => attempt += 1,
                Err(VaultError::NotFound { .. }) => return Ok(RotationOutcome::Gone),
                Err(VaultError::Unreadable {
                    why: Unreadable::Unknown | Unreadable::Empty,
                    ..
                }) => return Ok(RotationOutcome::Foreign),
                result => return result,
            }
        }
    }

    async fn rotate_once(&self, key: &str) -> Result<RotationOutcome, VaultError> {
        let fetched = self.fetch(key).await?;
        let content = match fetched.taken {
            Spooled::Plain(_) => return Ok(RotationOutcome::Plain),
            Spooled::Sealed { key_index: 0, .. } => return Ok(RotationOutcome::AlreadyCurrent),
            Spooled::Sealed { content, .. } => content,
        };
        let writer = copy(key, content, self.reseal(key, fetched.etag)).await?;
        writer.finish().await?;
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
