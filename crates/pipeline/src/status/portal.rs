//! How the portal differed from the database, as the last audit found.

use chrono::{DateTime, Utc};
use serde::Serialize;
use store::LastAudit;
use trips::block::{Hour, ProviderName};
use trips::time::CivilZone;
use uuid::Uuid;

/// What the last audit of a provider has found. An audit of an older range than the one before does
/// not count as the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PortalDifferences {
    /// When the audit ended.
    pub audited_at: DateTime<Utc>,
    /// The first instant that was compared.
    pub time_min: DateTime<Utc>,
    /// The first instant after those that were compared.
    pub time_max: DateTime<Utc>,
    /// Rows that the portal should have.
    pub database_rows: u64,
    /// Rows that the portal lacked.
    pub missing: u64,
    /// Rows that the portal had with another content.
    pub different: u64,
    /// Of the missing and different rows, those of blocks whose publishing was still to come.
    pub waiting: u64,
    /// Rows that only the portal had.
    pub extra: u64,
    /// The run that was planned to publish again what differed; `None` if none was.
    pub repair_run: Option<Uuid>,
    /// The command that compares the same hours again, and repairs what differs.
    pub command: String,
}

impl PortalDifferences {
    pub(super) fn new(zone: &CivilZone, provider: Option<&ProviderName>, last: &LastAudit) -> Self {
        let end = |instant| Hour::containing(instant).previous().end_argument(zone);
        Self {
            audited_at: last.audited_at,
            time_min: last.time_min,
            time_max: last.time_max,
            database_rows: last.finding.database_rows,
            missing: last.finding.missing,
            different: last.finding.different,
            waiting: last.finding.waiting,
            extra: last.finding.extra,
            repair_run: last.run_id,
            command: format!(
                "mds audit --provider {} --time-min {} --time-max {} --repair",
                provider.map_or("all", ProviderName::as_str),
                end(last.time_min),
                end(last.time_max)
            ),
        }
    }

    /// How many rows differed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.missing + self.different + self.extra
    }
}
