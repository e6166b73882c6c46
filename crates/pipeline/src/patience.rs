//! How long `mds run` waits for what is away: the database, the bucket, or another run that holds a
//! block.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_kit::{RetryBudget, RetryPolicy};
use store::MAX_SILENCE;
use tokio::time::{Instant, sleep};

use crate::error::{ErrorName, PipelineError};

/// How long the database may be away. A failover to another availability zone takes a minute.
const DATABASE_PATIENCE: Duration = Duration::from_secs(90);
const DATABASE_RETRY: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(1),
    max: Duration::from_secs(8),
    patience: DATABASE_PATIENCE,
};

/// How long another run may hold a block, on top of the time after which a frozen one loses it.
const BUSY_MARGIN: Duration = Duration::from_secs(15);
const BUSY_RETRY: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(1),
    max: Duration::from_secs(8),
    patience: Duration::from_secs(8),
};

/// Attempts after other errors. With [`RETRY`] they take about eleven seconds.
const ATTEMPTS: u32 = 5;
const RETRY: RetryPolicy = RetryPolicy {
    first: Duration::from_millis(1500),
    max: Duration::from_secs(12),
    patience: Duration::from_secs(12),
};
const MIN_WAIT: Duration = Duration::from_millis(500);

/// What the blocks of a run know together: since when the database is away. So a database that
/// stays away costs the run its patience once, and not once for each block.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    away_since: Mutex<Option<Instant>>,
}

impl Patience {
    /// Begins to count the attempts at one piece of work.
    pub(crate) fn attempts(&self) -> Attempts<'_> {
        Attempts {
            patience: self,
            first_failure: None,
            busy_since: None,
            database: RetryBudget::new(u32::MAX, DATABASE_RETRY).with_min_wait(MIN_WAIT),
            busy: RetryBudget::new(u32::MAX, BUSY_RETRY).with_min_wait(MIN_WAIT),
            others: RetryBudget::new(ATTEMPTS, RETRY).with_min_wait(MIN_WAIT),
        }
    }

    /// Repeats `work` after the errors that pass soon.
    pub(crate) async fn repeat<T, F>(&self, mut work: impl FnMut() -> F) -> Result<T, PipelineError>
    where
        F: Future<Output = Result<T, PipelineError>>,
    {
        let mut attempts = self.attempts();
        loop {
            match work().await {
                Ok(done) => {
                    self.database_replied();
                    return Ok(done);
                }
                Err(error) => attempts.pause(error).await?,
            }
        }
    }

    /// The database is there.
    pub(crate) fn database_replied(&self) {
        *self.away_since() = None;
    }

    fn away_since(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.away_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The attempts at one piece of work.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    patience: &'a Patience,
    /// When the work first failed for lack of the database.
    first_failure: Option<Instant>,
    /// When the work first met another run.
    busy_since: Option<Instant>,
    database: RetryBudget,
    busy: RetryBudget,
    others: RetryBudget,
}

impl Attempts<'_> {
    /// How long to wait before the work that failed is repeated; `None` if the error does not pass
    /// soon, or if the patience is at its end.
    pub(crate) fn wait_after(&mut self, error: &PipelineError) -> Option<Duration> {
        match error.name {
            // Nobody migrates while this process waits.
            _ if error.is_not_migrated() => None,
            ErrorName::DatabaseUnavailable => self.wait_for_database(),
            // No client below the step waits for these.
            ErrorName::BlockBusy => self.wait_for_another_run(),
            ErrorName::StorageUnavailable => self.others.backoff(None),
            _ => None,
        }
    }

    /// Waits before the next attempt; returns the error if there is none.
    pub(crate) async fn pause(&mut self, error: PipelineError) -> Result<(), PipelineError> {
        let Some(wait) = self.wait_after(&error) else {
            return Err(error);
        };
        tracing::warn!(
            error.name = %error.name,
            error.message = %error.message,
            retry.wait_ms = millis(wait),
            "plan or summary failed, retrying"
        );
        sleep(wait).await;
        Ok(())
    }

    /// The patience ends with that of the run, and with that of this work: a statement that always
    /// fails must not be repeated for as long as other blocks succeed.
    fn wait_for_database(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let first_failure = *self.first_failure.get_or_insert(now);
        let away_since = *self.patience.away_since().get_or_insert(now);
        let until = first_failure.min(away_since) + DATABASE_PATIENCE;
        let wait = self.database.backoff(None)?;
        (now + wait < until).then_some(wait)
    }

    /// The patience outlasts a run that is frozen: the attempt after its time has the block.
    fn wait_for_another_run(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let until = *self.busy_since.get_or_insert(now) + MAX_SILENCE + BUSY_MARGIN;
        let wait = self.busy.backoff(None)?;
        (now + wait < until).then_some(wait)
    }
}

/// A wait as a field of a log line.
pub(crate) fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
