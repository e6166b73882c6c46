//! What the blocks of a run know together of the portal: after a few equal failures in a row the
//! run stops publishing, and the remaining blocks stay as they are.

use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::error::{ErrorName, PipelineError};

/// Failures in a row after which the run stops publishing. Each one has waited and retried.
const MAX_FAILURES: u32 = 3;

/// Failed uploads in a row.
#[derive(Debug, Default)]
pub(super) struct PortalHealth {
    failures: Mutex<u32>,
    given_up: CancellationToken,
}

impl PortalHealth {
    pub(super) fn succeeded(&self) {
        *self.failures() = 0;
    }

    /// Counts a failure that the next block would meet too.
    pub(super) fn failed(&self, error: &PipelineError) {
        let is_of_the_portal = matches!(
            error.name,
            ErrorName::SocrataUnavailable | ErrorName::SocrataThrottled | ErrorName::ConfigInvalid
        );
        if !is_of_the_portal {
            return;
        }
        let mut failures = self.failures();
        *failures += 1;
        if *failures == MAX_FAILURES {
            tracing::error!(
                error.name = %error.name,
                error.message = %error.message,
                "portal is unavailable, run stops publishing"
            );
            self.given_up.cancel();
        }
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.is_cancelled()
    }

    /// Returns once the run has stopped publishing.
    pub(super) async fn given_up(&self) {
        self.given_up.cancelled().await;
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, u32> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
