//! Hours from before a report, which would hide behind its beginning.

use serde::Serialize;
use store::UndoneHours;
use trips::block::{Hour, ProviderName};
use trips::time::CivilZone;

use super::problems::was_swept;

/// Due hours of a provider from before a report that are not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OlderHours {
    /// Number of hours.
    pub hours: u64,
    /// Label of the first hour.
    pub first: String,
    /// Label of the last hour.
    pub last: String,
    /// Whether it does not pass by itself, as for the hours of the report.
    pub needs_a_person: bool,
    /// The command that shows them, and what to do about them.
    pub command: String,
}

impl OlderHours {
    pub(super) fn new(
        zone: &CivilZone,
        provider: &ProviderName,
        due: Hour,
        first: Hour,
        undone: UndoneHours,
    ) -> Self {
        let day = zone.civil(first.start()).date();
        Self {
            hours: undone.hours,
            first: first.label(zone),
            last: undone.last.label(zone),
            needs_a_person: was_swept(first, due),
            command: format!("mds status --provider {provider} --since {day}"),
        }
    }
}
