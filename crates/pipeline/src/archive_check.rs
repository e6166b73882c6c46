//! Whether an archive is that of its block.
//!
//! A compressed archive names its place inside the token. One that is not compressed, or that an
//! earlier version wrote, does not: then `extract.json` next to it has to describe it. Archives of
//! the tools before this one have no `extract.json` and are taken as they are.

use std::io::{self, Read};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use trips::block::Hour;
use vault::{Place, SealedReader, Unreadable, Vault, VaultError};

use crate::error::{ErrorName, PipelineError};
use crate::hashing::Hashing;

/// What `extract.json` says about the archive.
#[derive(Debug, Deserialize)]
struct Description {
    trips_key: String,
    /// The start of the block's hour.
    block_start: Option<DateTime<Utc>>,
    /// SHA-256 of the archive's content.
    sha256: Option<String>,
    /// The same of the archive before: the process may have been killed before it was replaced.
    former_sha256: Option<String>,
}

/// Opens the archive of a block as a load does: it has to be sealed and to lie where it belongs.
///
/// # Errors
///
/// `ArchiveMissing`, `ArchiveUnreadable`, or the bucket is out of reach. Reading it fails at its
/// end if it is not what `extract.json` describes, so nothing that depends on the content may be
/// final before that.
pub async fn open_archive(
    vault: &Vault,
    trips_key: &str,
    hour: Hour,
) -> Result<Box<dyn Read + Send>, PipelineError> {
    let (archive, description) = tokio::join!(
        vault.open_sealed(trips_key),
        Description::read(vault, trips_key)
    );
    // The archive's own error says more than that of its description.
    let archive = archive?;
    let Some(description) = description? else {
        return Ok(Box::new(archive));
    };
    description.check_hour(hour, trips_key)?;
    if archive.is_bound() {
        return Ok(Box::new(archive));
    }
    Ok(Box::new(CheckedArchive {
        key: trips_key.to_owned(),
        archive: Hashing::new(archive),
        expected: description,
    }))
}

/// Whether a load refuses an archive, which by itself can be read, because of the `extract.json`
/// next to it. `is_bound` says whether the archive names its own place, `sha256` is that of its
/// content.
pub(crate) async fn is_refused(
    vault: &Vault,
    trips_key: &str,
    hour: Hour,
    is_bound: bool,
    sha256: &str,
) -> Result<bool, PipelineError> {
    let description = match Description::read(vault, trips_key).await {
        Err(error) if error.name == ErrorName::ArchiveUnreadable => return Ok(true),
        read => read?,
    };
    Ok(description.is_some_and(|it| {
        it.check_hour(hour, trips_key).is_err() || !(is_bound || it.fits(sha256))
    }))
}

impl Description {
    /// Reads `extract.json`; `None` if there is none.
    async fn read(vault: &Vault, trips_key: &str) -> Result<Option<Self>, PipelineError> {
        let key = report_key(trips_key);
        let description: Self = match vault.get_sealed_json(&key).await {
            Err(VaultError::NotFound { .. }) => return Ok(None),
            read => read?,
        };
        if description.trips_key == trips_key {
            return Ok(Some(description));
        }
        let place = Place::of(&report_key(&description.trips_key));
        Err(VaultError::unreadable(&key, Unreadable::Misplaced { place }).into())
    }

    /// Refuses the archive of another hour: under another time zone it has the same key.
    fn check_hour(&self, hour: Hour, trips_key: &str) -> Result<(), PipelineError> {
        match self.block_start {
            Some(start) if start != hour.start() => Err(PipelineError::new(
                ErrorName::ArchiveUnreadable,
                format!(
                    "{trips_key} is the archive of the hour that starts at {}, not at {}: has TIME_ZONE changed since?",
                    instant(start),
                    instant(hour.start())
                ),
            )),
            _ => Ok(()),
        }
    }

    fn fits(&self, found: &str) -> bool {
        match (&self.sha256, &self.former_sha256) {
            (None, None) => true,
            (now, former) => [now, former]
                .into_iter()
                .flatten()
                .any(|expected| expected == found),
        }
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The key of `extract.json` in the same folder.
fn report_key(trips_key: &str) -> String {
    let folder = trips_key.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/extract.json")
}

/// An archive whose content is hashed while it is read.
struct CheckedArchive {
    key: String,
    archive: Hashing<SealedReader>,
    expected: Description,
}

impl Read for CheckedArchive {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.archive.read(out)?;
        if count > 0 || out.is_empty() || self.expected.fits(&self.archive.sha256()) {
            return Ok(count);
        }
        Err(VaultError::unreadable(&self.key, Unreadable::NotAsDescribed).into())
    }
}
