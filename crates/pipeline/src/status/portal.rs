//! How the portal differed from the database, as the last audit found.

use chrono::{DateTime, Utc};
use serde::Serialize;
use store::{AuditFinding, LastAudit};
use trips::block::{Hour, ProviderName};
use trips::time::CivilZone;
use trips::words::counted;
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
    /// Whether no audit can mend it: rows that no block owns are published by no run, or the last
    /// audit that was to mend it has left it as it is.
    pub needs_a_person: bool,
    /// What mends it, with commands between grave accents.
    pub advice: String,
    /// The command that compares the same hours again and repairs what differs, or the one that
    /// loads them.
    pub command: String,
}

impl PortalDifferences {
    pub(super) fn new(zone: &CivilZone, provider: Option<&ProviderName>, last: &LastAudit) -> Self {
        let end = |instant| Hour::containing(instant).previous().end_argument(zone);
        let finding = &last.finding;
        let without_block = match provider {
            None => finding.missing + finding.different,
            Some(_) => 0,
        };
        let advice = if without_block > 0 {
            format!(
                "{} no block, so no audit publishes them: load their hours with the command below, then see \
                 docs/MIGRATING.md, \"Trips without a block\"",
                counted(without_block, "row").with("has", "have")
            )
        } else if finding.rows_left > 0 {
            let left =
                counted(finding.rows_left, "row").with("is left as it is", "are left as they are");
            match provider {
                None => format!(
                    "{left}, because the database does not have every block of their hours, or has never had their \
                     trips: the command below tells which"
                ),
                Some(_) => format!(
                    "{left} by an audit of all providers, since the hours are from before the provider's start \
                     (`active_from`); the command below names the provider"
                ),
            }
        } else {
            mended_by_audit(finding, last.run_id.is_some()).to_owned()
        };
        let range = format!(
            "--provider {} --time-min {} --time-max {}",
            provider.map_or("all", ProviderName::as_str),
            end(last.time_min),
            end(last.time_max)
        );
        Self {
            audited_at: last.audited_at,
            time_min: last.time_min,
            time_max: last.time_max,
            database_rows: finding.database_rows,
            missing: finding.missing,
            different: finding.different,
            waiting: finding.waiting,
            extra: finding.extra,
            repair_run: last.run_id,
            needs_a_person: without_block > 0 || finding.rows_left > 0,
            advice,
            command: if without_block > 0 {
                format!("mds run {range}")
            } else {
                format!("mds audit {range} --repair")
            },
        }
    }

    /// How many rows differed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.missing + self.different + self.extra
    }
}

/// What an audit does about the rows. Those that only the portal has belong to no provider, so they
/// are told apart from rows that are published again.
fn mended_by_audit(finding: &AuditFinding, is_mended: bool) -> &'static str {
    let is_published_again = finding.missing + finding.different > 0 || finding.extra == 0;
    match (is_published_again, is_mended) {
        (true, true) => {
            "the same run was planned to publish them again; the next audit tells whether it did"
        }
        (true, false) => {
            "an audit that repairs publishes them again: the nightly one (`mds run … --audit`), if it is scheduled, and \
             the command below"
        }
        (false, true) => {
            "the same run was to delete them where the database has their hours; the next audit tells whether any is left"
        }
        (false, false) => {
            "look at them first: somebody may have added them, or another stage or city may publish into this dataset. \
             The nightly audit (`mds run … --audit`) or the command below deletes them where the database has their \
             hours, and keeps them elsewhere. Many rows of trips that the database has never had are kept, too"
        }
    }
}

#[cfg(test)]
mod tests;
