//! The archive that the bucket has already: what differs from it, and its copy.

use std::borrow::Cow;
use std::io;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::Claim;
use tokio::task::spawn_blocking;
use trips::Changes;
use trips::block::{Hour, backup_key};
use trips::envelope::{EnvelopeError, TripVisitor, read_envelope};
use trips::json::object_in;
use uuid::Uuid;
use vault::{Vault, VaultError, WriteCondition};

use super::canonical::{hash_of, hash_of_json};
use super::report::StoredReport;
use crate::archive_check::is_refused;
use crate::block_report::BlockReport;
use crate::error::PipelineError;
use crate::fenced::FencedWriter;
use crate::hashing::Hashing;

/// The archive under a block's key before the provider is requested again.
pub(super) struct PreviousArchive {
    /// What its trips are; `None` if the archive cannot be read, or if nothing says that it is the
    /// block's. Then any response replaces it.
    pub(super) fingerprints: Option<Fingerprints>,
    /// SHA-256 of its payload; `None` if a load does not accept the archive.
    pub(super) sha256: Option<String>,
    /// When the provider was requested for it, if its report tells.
    pub(super) requested_at: Option<DateTime<Utc>>,
    etag: Option<String>,
}

impl PreviousArchive {
    /// Reads the archive of the bucket, whether the schedule knows of it or not.
    pub(super) async fn find(
        vault: &Vault,
        trips_key: &str,
        hour: Hour,
    ) -> Result<Option<Self>, PipelineError> {
        let archive = match vault.open_sealed(trips_key).await {
            Err(VaultError::NotFound { .. }) => return Ok(None),
            Err(VaultError::Unreadable { .. }) => return Self::unreadable(vault, trips_key).await,
            Err(other) => return Err(other.into()),
            Ok(archive) => archive,
        };
        let etag = archive.info().etag.clone();
        let is_bound = archive.is_bound();
        let (mut fingerprints, sha256) = read(archive).await?;
        let accepted = match sha256 {
            Some(sha256) => Accepted::find(vault, trips_key, hour, is_bound, sha256).await?,
            None => None,
        };
        if accepted.is_none() {
            fingerprints = fingerprints.filter(|_| is_bound);
        }
        Ok(Some(Self {
            fingerprints,
            requested_at: accepted.as_ref().and_then(|it| it.requested_at),
            sha256: accepted.map(|it| it.sha256),
            etag,
        }))
    }

    /// Whether a load accepts the archive. One that it refuses is replaced by the same trips, too.
    pub(super) fn can_be_loaded(&self) -> bool {
        self.fingerprints.is_some() && self.sha256.is_some()
    }

    async fn unreadable(vault: &Vault, trips_key: &str) -> Result<Option<Self>, PipelineError> {
        let head = vault.head(trips_key).await?;
        Ok(head.map(|head| Self {
            fingerprints: None,
            sha256: None,
            requested_at: None,
            etag: head.etag,
        }))
    }

    /// Copies the archive to a key of its own and sets the block's status to archived, before
    /// another archive replaces it. Returns the copy's key. If the process is killed after this,
    /// the next run loads whichever archive is there.
    pub(super) async fn back_up(
        &self,
        vault: &Vault,
        claim: &mut Claim,
        trips_key: &str,
        now: DateTime<Utc>,
    ) -> Result<String, PipelineError> {
        let backup_key = free_backup_key(vault, trips_key, now).await?;
        FencedWriter::new(vault, claim)
            .copy(trips_key, self.etag.as_deref(), &backup_key)
            .await?;
        claim.mark_replacing_archive().await?;
        Ok(backup_key)
    }

    /// The condition under which another archive may take the place of this one.
    pub(super) fn condition(previous: Option<&Self>) -> WriteCondition {
        previous.map_or(WriteCondition::IfAbsent, |it| {
            WriteCondition::tagged(it.etag.clone())
        })
    }
}

/// An archive that a load accepts.
struct Accepted {
    sha256: String,
    /// When the provider was requested for it, if its report tells.
    requested_at: Option<DateTime<Utc>>,
}

impl Accepted {
    /// `None` if a load refuses the archive because of its report.
    async fn find(
        vault: &Vault,
        trips_key: &str,
        hour: Hour,
        is_bound: bool,
        sha256: String,
    ) -> Result<Option<Self>, PipelineError> {
        let report = match BlockReport::read(vault, trips_key).await {
            Err(VaultError::Unreadable { .. }) => return Ok(None),
            report => report?,
        };
        let mut requested_at = None;
        if let Some(report) = report {
            if is_refused(&report, trips_key, hour, is_bound, &sha256) {
                return Ok(None);
            }
            let told = report.parse::<StoredReport>().ok();
            requested_at = told.and_then(|it| it.requested_at(&sha256));
        }
        Ok(Some(Self {
            sha256,
            requested_at,
        }))
    }
}

/// The key for a copy that is made now. It names the second, so an archive that is replaced twice
/// within one takes the next.
async fn free_backup_key(
    vault: &Vault,
    trips_key: &str,
    now: DateTime<Utc>,
) -> Result<String, PipelineError> {
    let mut at = now;
    loop {
        let key = backup_key(trips_key, at);
        if !vault.exists(&key).await? {
            return Ok(key);
        }
        at += TimeDelta::seconds(1);
    }
}

async fn read(
    archive: impl io::Read + Send + 'static,
) -> Result<(Option<Fingerprints>, Option<String>), PipelineError> {
    let reading = spawn_blocking(move || {
        let mut archive = Hashing::new(archive);
        let mut fingerprints = Fingerprints::default();
        let read = read_envelope(&mut archive, &mut fingerprints).map(|_| fingerprints);
        let fingerprints = match read {
            Err(error @ (EnvelopeError::Read(_) | EnvelopeError::Sink(_))) => return Err(error),
            read => read.ok(),
        };
        let sha256 = archive.finish().map_err(EnvelopeError::Read)?;
        Ok((fingerprints, Some(sha256)))
    });
    let read = reading
        .await
        .map_err(|_| PipelineError::panicked("reading the previous archive"))?;
    match read {
        Err(EnvelopeError::Read(error)) if is_unreadable(&error) => Ok((None, None)),
        read => read.map_err(|e| PipelineError::from_envelope("the previous archive", &e)),
    }
}

/// Whether the object is authentic but its content does not decrypt or decompress.
fn is_unreadable(error: &io::Error) -> bool {
    matches!(
        VaultError::from_io(error),
        Some(VaultError::Unreadable { .. })
    )
}

/// Sixteen bytes of a trip: the hash of its id and the hash of its content.
pub(super) type Fingerprint = (u64, u64);

/// Those of each trip of a response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fingerprints(Vec<Fingerprint>);

impl Fingerprints {
    /// Adds a trip and returns its fingerprint. Two texts with the same members have the same one,
    /// whatever their order and spacing.
    pub(super) fn push(&mut self, raw: &RawValue) -> Fingerprint {
        let content = hash_of_json(raw.get()).unwrap_or_else(|| hash_of(raw.get()));
        let fingerprint = (hash_of_id(raw).unwrap_or(content), content);
        self.0.push(fingerprint);
        fingerprint
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Fingerprint> {
        self.0.iter()
    }

    /// How many trips were added, repeated ones included.
    pub(super) fn trips(&self) -> u64 {
        self.0.len() as u64
    }

    /// Counts what a later response has changed. Deliveries of one trip in another order are a
    /// change, because the last one counts.
    pub(super) fn compare(mut self, mut later: Self) -> Changes {
        self.0.sort_by_key(|(id, _)| *id);
        later.0.sort_by_key(|(id, _)| *id);
        let mut before = self.0.chunk_by(|a, b| a.0 == b.0).peekable();
        let mut changes = Changes::default();
        for after in later.0.chunk_by(|a, b| a.0 == b.0) {
            while before.next_if(|trip| trip[0].0 < after[0].0).is_some() {
                changes.gone += 1;
            }
            match before.next_if(|trip| trip[0].0 == after[0].0) {
                None => changes.new += 1,
                Some(trip) if trip != after => changes.changed += 1,
                Some(_) => {}
            }
        }
        changes.gone += before.map(|_| 1).sum::<u64>();
        changes
    }
}

impl TripVisitor for Fingerprints {
    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        self.push(raw);
        Ok(())
    }
}

/// The hash of a trip's id, in whichever spelling of a UUID it is written.
fn hash_of_id(trip: &RawValue) -> Option<u64> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        trip_id: &'a RawValue,
    }
    let id = object_in::<Named<'_>>(trip.get()).ok()?.trip_id;
    match serde_json::from_str::<Cow<'_, str>>(id.get()) {
        Ok(text) => {
            let id = Uuid::try_parse(&text).map(|id| id.to_string());
            Some(hash_of(&id.unwrap_or_else(|_| text.to_ascii_lowercase())))
        }
        Err(_) => hash_of_json(id.get()),
    }
}

#[cfg(test)]
mod tests;
