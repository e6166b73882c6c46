//! `extract.json`: what was requested, when, and what was returned (docs/CONTRACT.md, "Objects in
//! the bucket").

use std::fmt::Write as _;

use chrono::{DateTime, SubsecRound, Utc};
use mds_client::HourReport;
use serde::{Deserialize, Serialize};
use trips::Changes;
use trips::block::Block;
use trips::words::counted;

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

/// What a response says of itself that people have to know, as long as its trips are the block's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Remarks {
    http_status: u16,
    trips: u64,
    trips_outside_window: u64,
    next_page_left: bool,
    empty_pages_left: bool,
    names_error: bool,
    version_served: String,
    version_expected: Option<String>,
}

impl From<&HourReport> for Remarks {
    fn from(report: &HourReport) -> Self {
        Self {
            http_status: report.http_status,
            trips: report.trips,
            trips_outside_window: report.trips_outside_window,
            next_page_left: report.next_page_left,
            empty_pages_left: report.empty_pages_left,
            names_error: report.names_error,
            version_served: report.version_served.clone(),
            version_expected: report.version_expected.map(str::to_owned),
        }
    }
}

impl Remarks {
    /// `HTTP 200 with 12 trips`, and what is odd about them.
    pub(super) fn text(&self) -> String {
        let trips = counted(self.trips, "trip");
        let mut text = format!("HTTP {} with {trips}", self.http_status);
        if self.trips_outside_window > 0 {
            let _ = write!(text, ", {} of other hours", self.trips_outside_window);
        }
        if self.next_page_left {
            text.push_str(", of the first page alone: paging is off");
        }
        if self.empty_pages_left {
            text.push_str(", up to empty pages that have no end");
        }
        if self.names_error {
            text.push_str(", with an error beside them: some may be missing");
        }
        if let Some(expected) = &self.version_expected {
            let served = &self.version_served;
            let _ = write!(text, ", of version {served} instead of {expected}");
        }
        text
    }

    /// The text if trips may be missing or may lack members.
    pub(super) fn note(&self) -> Option<String> {
        let is_worth_a_note = self.next_page_left
            || self.empty_pages_left
            || self.names_error
            || self.version_expected.is_some();
        is_worth_a_note.then(|| self.text())
    }
}

/// What an `extract.json` says about the archive next to it.
#[derive(Debug, Deserialize)]
pub(super) struct StoredReport {
    #[serde(flatten)]
    pub(super) remarks: Remarks,
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

    /// How many trips came late with the archive that has this hash, if the report is of it.
    pub(super) fn late_trips(&self, sha256: &str) -> u64 {
        let is_of_it = self.sha256.as_deref() == Some(sha256);
        let changes = self.changes.filter(|_| is_of_it);
        changes.map_or(0, |it| it.new)
    }

    /// Whether the provider was requested for the block after the request that the schedule tells
    /// of.
    pub(super) fn is_newer_than(&self, recorded_at: DateTime<Utc>) -> bool {
        // The database keeps microseconds.
        self.ended_at.trunc_subsecs(6) > recorded_at
    }

    /// Whether the archive with this hash was about to be replaced by that of the report.
    pub(super) fn replaces(&self, sha256: &str) -> bool {
        self.former_sha256.as_deref() == Some(sha256)
    }
}
