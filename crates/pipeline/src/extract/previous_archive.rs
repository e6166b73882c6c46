//! The archive that the block has already: what differs from it, and the key of its copy.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use store::Claim;
use tokio::task::spawn_blocking;
use trips::Changes;
use trips::block::backup_key;
use trips::envelope::{EnvelopeError, TripVisitor, read_envelope};
use vault::VaultError;

use crate::context::Context;
use crate::error::PipelineError;

/// The archive under a block's key before the provider is requested again.
pub(super) struct PreviousArchive {
    /// What its trips are; `None` if the archive cannot be read, so that any response replaces it.
    pub(super) fingerprints: Option<Fingerprints>,
    backup_key: String,
}

impl PreviousArchive {
    /// Reads the archive that the schedule names, if it is there.
    pub(super) async fn find(
        ctx: &Context,
        claim: &Claim,
        trips_key: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, PipelineError> {
        if claim.row().payload.is_none() {
            return Ok(None);
        }
        let fingerprints = match ctx.vault().open(trips_key).await {
            Err(VaultError::NotFound { .. }) => return Ok(None),
            Err(VaultError::Unreadable { .. }) => None,
            Err(other) => return Err(other.into()),
            Ok(archive) => read(archive).await?,
        };
        Ok(Some(Self {
            fingerprints,
            backup_key: backup_key(trips_key, now),
        }))
    }

    /// Copies the archive to its backup key and sets the block's status to archived, before another
    /// archive replaces it. If the process is killed after this, the next run loads whichever
    /// archive is there.
    pub(super) async fn back_up(
        &self,
        ctx: &Context,
        claim: &mut Claim,
        trips_key: &str,
    ) -> Result<(), PipelineError> {
        ctx.vault().copy(trips_key, &self.backup_key).await?;
        Ok(claim.mark_replacing_archive().await?)
    }

    pub(super) fn backup_key(&self) -> &str {
        &self.backup_key
    }
}

async fn read(
    archive: impl io::Read + Send + 'static,
) -> Result<Option<Fingerprints>, PipelineError> {
    let reading = spawn_blocking(move || {
        let mut fingerprints = Fingerprints::default();
        read_envelope(archive, &mut fingerprints).map(|_| fingerprints)
    });
    let read = reading
        .await
        .map_err(|_| PipelineError::panicked("reading the previous archive"))?;
    match read {
        Ok(fingerprints) => Ok(Some(fingerprints)),
        Err(error @ (EnvelopeError::Read(_) | EnvelopeError::Sink(_))) => {
            Err(PipelineError::from_envelope("the previous archive", &error))
        }
        Err(_) => Ok(None),
    }
}

/// Sixteen bytes of each trip of a response: the hash of its id and the hash of its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fingerprints(Vec<(u64, u64)>);

impl Fingerprints {
    /// Adds a trip. Two texts with the same members have the same fingerprint, whatever their order
    /// and spacing.
    pub(super) fn push(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Named {
            trip_id: Value,
        }
        let content = match serde_json::from_str::<Value>(raw.get()) {
            // A `Value` sorts its members.
            Ok(value) => hash(&value.to_string()),
            Err(_) => hash(raw.get()),
        };
        let id = match serde_json::from_str::<Named>(raw.get()) {
            Ok(named) => hash(&named.trip_id.to_string().to_ascii_lowercase()),
            Err(_) => content,
        };
        self.0.push((id, content));
    }

    /// Counts what a later response has changed.
    pub(super) fn compare(mut self, mut later: Self) -> Changes {
        self.0.sort_unstable();
        later.0.sort_unstable();
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

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
