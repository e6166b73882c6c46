//! How often to try again, and when.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder, Retryable as _};

use crate::error::SocrataError;

/// RetryBudget and the waits between them: exponential with full jitter (anything from nothing to
/// the step's bound, so that clients do not come back together). What the portal asks for with
/// `Retry-After` is the least wait.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// RetryBudget at a request; 4.
    pub attempts: usize,
    /// Bound of the first wait; 1 s. It doubles with every attempt.
    pub first: Duration,
    /// Largest bound; 30 s.
    pub most: Duration,
    /// Longest wait that is sat out here; 2 minutes. If the portal asks for more, the error says
    /// so, and the caller can come back.
    pub patience: Duration,
    /// How often an upload that the portal works on in the background is asked about; 30 times.
    pub polls: usize,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            first: Duration::from_secs(1),
            most: Duration::from_secs(30),
            patience: Duration::from_secs(120),
            polls: 30,
        }
    }
}

impl RetryPolicy {
    /// Bounds of the waits after each attempt but the last.
    pub(crate) fn steps(&self, attempts: usize) -> impl BackoffBuilder {
        ExponentialBuilder::default()
            .with_min_delay(self.first)
            .with_max_delay(self.most)
            .with_max_times(attempts.saturating_sub(1))
    }

    /// Does `work` until it succeeds, fails for good or the attempts are used up.
    pub(crate) async fn run<T, F, W>(&self, work: W) -> Result<T, SocrataError>
    where
        W: FnMut() -> F,
        F: Future<Output = Result<T, SocrataError>>,
    {
        work.retry(self.steps(self.attempts))
            .when(SocrataError::is_transient)
            .adjust(|error, bound| self.wait(bound?, error.retry_after()))
            .notify(|error, wait| {
                tracing::info!(
                    error = %error,
                    retry.wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                    "the portal failed, trying again"
                );
            })
            .await
    }

    /// The wait below `bound`, at least as long as asked; `None` if that is too long.
    pub(crate) fn wait(&self, bound: Duration, asked: Option<Duration>) -> Option<Duration> {
        let jittered = rand::random_range(Duration::ZERO..=bound);
        let wait = jittered.max(asked.unwrap_or_default());
        (wait <= self.patience).then_some(wait)
    }
}
