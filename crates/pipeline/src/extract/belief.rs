//! Whether a response can be true. A provider that returns 404 for everything has probably moved,
//! and one that no longer returns what it has returned before has probably a bad day.

use mds_client::HourReport;
use trips::block::ProviderName;
use trips::words::counted;

use super::pull::NO_CONTENT;
use crate::error::{ErrorName, PipelineError};

/// Up to so many missing trips are believed, whatever their share.
pub(super) const MAX_MISSING: u64 = 3;

/// Where the trips are that a response should have again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In the table.
    Loaded,
    /// In an archive that is not loaded, or of which trips were rejected.
    Archived,
}

/// A response, or a file, that lacks too many trips to be believed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    kept: Kept,
    trips: u64,
    missing: u64,
    /// How many trips are there but would be rejected.
    rejected: u64,
    /// Why one of them would be.
    reason: Option<String>,
}

impl Loss {
    /// The loss if so many of the `trips` are `missing`; `None` if it is believed. `max_loss` is
    /// the share that may be missing.
    pub(crate) fn of(kept: Kept, trips: u64, missing: u64, max_loss: f64) -> Option<Self> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "an hour has far fewer trips than a float has digits"
        )]
        let is_too_much = missing as f64 > max_loss * trips as f64;
        (missing > MAX_MISSING && is_too_much).then_some(Self {
            kept,
            trips,
            missing,
            rejected: 0,
            reason: None,
        })
    }

    /// The same loss, if only so many trips are `missing` and the others would be rejected, as one
    /// is for this `reason`.
    pub(super) fn with_rejected(&self, missing: u64, reason: Option<String>) -> Self {
        Self {
            missing,
            rejected: self.missing.saturating_sub(missing),
            reason,
            ..*self
        }
    }

    /// The error of the step. The response is kept under `key`.
    pub(super) fn error(&self, report: &HourReport, key: &str) -> PipelineError {
        let trips = self.trips;
        let (of, remedy) = match self.kept {
            Kept::Loaded => (format!("of the {trips} loaded trips"), ""),
            Kept::Archived => (
                format!("of the {trips} trips of the archive, which are not all loaded,"),
                " To load the archive as it is, add --no-extract --force.",
            ),
        };
        let lacks = match (self.missing, self.rejected) {
            (missing, 0) => format!("{missing} {of} are missing"),
            (0, _) => format!("{} {of} {}", self.rejected, self.what_is_rejected()),
            (missing, rejected) => format!(
                "{missing} {of} are missing, and {rejected} {}",
                self.what_is_rejected()
            ),
        };
        let accepted = match self.rejected {
            0 => "the trips are really gone",
            _ => "this is to be believed",
        };
        PipelineError::new(
            ErrorName::ProviderLostTrips,
            format!(
                "the provider returned HTTP {} with {}, and {lacks}; archive and rows stay, and the response is kept \
                 as {key}.{remedy} If {accepted}, run the hour again with --force --accept-losses",
                report.http_status,
                counted(report.trips, "trip")
            ),
        )
    }

    fn what_is_rejected(&self) -> String {
        let reason = self.reason.iter();
        let reason: String = reason.map(|it| format!(" (such as {it})")).collect();
        format!("are there, but can no longer be loaded{reason}")
    }

    /// The error of a load from a file. Nothing of it stays.
    pub(crate) fn error_of_file(&self) -> PipelineError {
        let Self { trips, missing, .. } = self;
        PipelineError::new(
            ErrorName::ProviderLostTrips,
            format!(
                "the file lacks {missing} of the {trips} loaded trips of the hour, so they would be withdrawn; \
                 nothing is changed. If they are really gone, add --accept-losses"
            ),
        )
    }
}

/// The error for a "no service" of an address that has never returned an hour.
pub(super) fn unknown_address(provider: &ProviderName, http_status: u16) -> PipelineError {
    PipelineError::new(
        ErrorName::ProviderRejected,
        format!(
            "{provider} returned HTTP {http_status}, which means \"no service in that hour\", but its address has not \
             returned any hour yet: check mds_api_url, or run an hour with service first"
        ),
    )
}

/// The error for a status without trips that would become a file without trips.
pub(super) fn no_file(provider: &ProviderName, http_status: u16) -> PipelineError {
    let meaning = match http_status {
        NO_CONTENT => "no trips",
        _ => "no service",
    };
    PipelineError::new(
        ErrorName::ProviderRejected,
        format!(
            "{provider} returned HTTP {http_status}, which means \"{meaning} in that hour\", so there are no trips to \
             write; no file is written"
        ),
    )
}

#[cfg(test)]
mod tests;
