//! Whether an archive is that of its block.
//!
//! A compressed archive names its place inside the token. One that is not compressed, or that an
//! earlier version wrote, does not: then `extract.json` next to it has to describe it. Archives of
//! the tools before this one have no `extract.json` and are taken as they are.

use std::io::{self, Read};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use trips::block::{BlockObject, Hour, key_beside};
use vault::{Place, SealedReader, Unreadable, Vault, VaultError};

use crate::block_report::BlockReport;
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
    Ok(open_with_report(vault, trips_key, hour).await?.content)
}

/// An archive, and the `extract.json` next to it.
pub(crate) struct OpenArchive {
    pub(crate) content: Box<dyn Read + Send>,
    pub(crate) report: Option<BlockReport>,
}

/// As [`open_archive`], for those who need the report, too.
pub(crate) async fn open_with_report(
    vault: &Vault,
    trips_key: &str,
    hour: Hour,
) -> Result<OpenArchive, PipelineError> {
    let (archive, report) = tokio::join!(
        vault.open_sealed(trips_key),
        BlockReport::read(vault, trips_key)
    );
    // The archive's own error says more than that of its report.
    let (archive, report) = (archive?, report?);
    let content: Box<dyn Read + Send> = match &report {
        None => Box::new(archive),
        Some(report) => {
            let expected = Description::of(report, trips_key)?;
            expected.check_hour(hour, trips_key)?;
            if archive.is_bound() {
                Box::new(archive)
            } else {
                Box::new(CheckedArchive {
                    key: trips_key.to_owned(),
                    archive: Hashing::new(archive),
                    expected,
                })
            }
        }
    };
    Ok(OpenArchive { content, report })
}

/// Whether a load refuses an archive, which by itself can be read, because of the report next to
/// it. `is_bound` says whether the archive names its own place, `sha256` is that of its content.
pub(crate) fn is_refused(
    report: &BlockReport,
    trips_key: &str,
    hour: Hour,
    is_bound: bool,
    sha256: &str,
) -> bool {
    Description::of(report, trips_key).map_or(true, |it| {
        it.check_hour(hour, trips_key).is_err() || !(is_bound || it.fits(sha256))
    })
}

impl Description {
    /// Refuses the report of an archive elsewhere.
    fn of(report: &BlockReport, trips_key: &str) -> Result<Self, VaultError> {
        let description: Self = report.parse()?;
        if description.trips_key == trips_key {
            return Ok(description);
        }
        let elsewhere = key_beside(&description.trips_key, BlockObject::Extract);
        let place = Place::of(&elsewhere);
        Err(VaultError::unreadable(
            &report.key,
            Unreadable::Misplaced { place },
        ))
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
