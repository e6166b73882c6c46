//! `extract.json`: what was requested, when, and what was returned (docs/CONTRACT.md, "Objects in
//! the bucket").

use chrono::{DateTime, Utc};
use mds_client::HourReport;
use serde::{Deserialize, Serialize};
use trips::Changes;
use trips::block::Block;

use crate::error::{ErrorName, PipelineError};

/// The content of `extract.json`.
#[derive(Debug, Serialize)]
pub(super) struct ExtractReport<'a> {
    pub(super) provider: &'a str,
    pub(super) block_start: DateTime<Utc>,
    pub(super) block_end: DateTime<Utc>,
    pub(super) trips_key: &'a str,
    pub(super) sha256: &'a str,
    pub(super) payload_bytes: u64,
    /// The key of the archive that this one replaced.
    #[serde(rename = "former_key", skip_serializing_if = "Option::is_none")]
    pub(super) backup_key: Option<&'a str>,
    /// SHA-256 of that archive's payload. The report is written before the new archive becomes
    /// visible, so it may stand next to either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) former_sha256: Option<&'a str>,
    /// What differs from the replaced archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) changes: Option<Changes>,
    #[serde(flatten)]
    pub(super) response: &'a HourReport,
}

/// What an `extract.json` says about the archive next to it.
#[derive(Debug, Deserialize)]
pub(super) struct StoredReport {
    provider: String,
    block_start: DateTime<Utc>,
    sha256: Option<String>,
    former_sha256: Option<String>,
    /// What differs from the replaced archive.
    pub(super) changes: Option<Changes>,
    ended_at: DateTime<Utc>,
}

impl StoredReport {
    /// Refuses the report of another block.
    pub(super) fn check_block(&self, block: &Block, key: &str) -> Result<(), PipelineError> {
        if self.provider == block.provider.as_str() && self.block_start == block.hour.start() {
            return Ok(());
        }
        Err(PipelineError::new(
            ErrorName::ArchiveUnreadable,
            format!("{key} is the report of another block; put the block's own objects back"),
        ))
    }

    /// When the provider was requested for the archive with this hash, if the report is of it.
    pub(super) fn requested_at(&self, sha256: &str) -> Option<DateTime<Utc>> {
        (self.sha256.as_deref() == Some(sha256)).then_some(self.ended_at)
    }

    /// Whether the archive with this hash was about to be replaced by that of the report.
    pub(super) fn replaces(&self, sha256: &str) -> bool {
        self.former_sha256.as_deref() == Some(sha256)
    }
}
