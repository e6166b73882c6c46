//! Whether a response can be true. A provider that returns 404 for everything has probably moved,
//! and one that no longer returns what it has returned before has probably a bad day.

use mds_client::HourReport;
use store::LoadedTrips;
use trips::block::ProviderName;
use trips::words::counted;

use crate::error::{ErrorName, PipelineError};

/// Up to so many missing trips are believed, whatever their share.
pub(super) const MAX_MISSING: u64 = 3;

/// A response, seen next to what its block has loaded.
pub(super) struct Belief {
    trips: LoadedTrips,
    /// The share of the loaded trips that may be missing.
    max_loss: f64,
}

/// A response that lacks too many loaded trips.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Loss(LoadedTrips);

impl Belief {
    pub(super) fn new(trips: LoadedTrips, max_loss: f64) -> Self {
        Self { trips, max_loss }
    }

    /// The loss because of which the response is not believed.
    pub(super) fn loss(&self) -> Option<Loss> {
        let LoadedTrips { loaded, missing } = self.trips;
        #[expect(
            clippy::cast_precision_loss,
            reason = "an hour has far fewer trips than a float has digits"
        )]
        let is_too_much = missing as f64 > self.max_loss * loaded as f64;
        (missing > MAX_MISSING && is_too_much).then_some(Loss(self.trips))
    }
}

impl Loss {
    /// The error of the step. The response is kept under `key`.
    pub(super) fn error(&self, report: &HourReport, key: &str) -> PipelineError {
        let LoadedTrips { loaded, missing } = self.0;
        PipelineError::new(
            ErrorName::ProviderLostTrips,
            format!(
                "the provider returned HTTP {} with {}, and {missing} of the {loaded} loaded trips are missing; \
                 archive and rows stay, and the response is kept as {key}. If the trips are really gone, run the hour \
                 again with --force --accept-losses",
                report.http_status,
                counted(report.trips, "trip")
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

#[cfg(test)]
mod tests;
