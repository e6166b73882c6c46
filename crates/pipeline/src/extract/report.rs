//! `extract.json`: what was requested, when, and what was returned (docs/CONTRACT.md, "Objects in
//! the bucket").

use chrono::{DateTime, Utc};
use mds_client::HourReport;
use serde::Serialize;
use trips::Changes;

use super::telemetry::TelemetryReport;
use crate::error::PipelineError;

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
    /// What differs from the replaced archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) changes: Option<Changes>,
    #[serde(flatten)]
    pub(super) side_data: SideData,
    #[serde(flatten)]
    pub(super) response: &'a HourReport,
}

/// The result for vehicles and telemetry, which 2.0 keeps apart from the trips. A problem with them
/// is recorded here and does not fail the step.
#[derive(Debug, Default, Serialize)]
pub(super) struct SideData {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) telemetry: Option<TelemetryReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

impl SideData {
    /// Returns the value, or records the error as a problem.
    pub(super) fn note<T>(&mut self, result: Result<T, PipelineError>) -> Option<T> {
        result
            .inspect_err(|error| {
                tracing::warn!(
                    error.name = %error.name,
                    error.message = %error.message,
                    "vehicles or telemetry are incomplete"
                );
                self.problems
                    .push(format!("{}: {}", error.name, error.message));
            })
            .ok()
    }
}
