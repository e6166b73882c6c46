//! What is retried, how often, and after which wait.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

/// A status after which the same request may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transient {
    /// 429: too many requests. The response usually says when to come back.
    Throttled,
    /// 408, 425 and 500 to 599: the server failed, restarts, is overloaded, or wants the request
    /// later.
    Unavailable,
}

impl Transient {
    /// `None` if the same request would get the same response again.
    #[must_use]
    pub const fn from_status(status: u16) -> Option<Self> {
        match status {
            429 => Some(Self::Throttled),
            408 | 425 | 500..=599 => Some(Self::Unavailable),
            _ => None,
        }
    }
}

/// The waits between attempts.
///
/// # What is retried
///
/// - no connection, a connection that drops, no response in time: networks and restarts cause them;
/// - the statuses of [`Transient`].
///
/// Clients add what is special to their server: 409 of a portal that another client writes to, an
/// hour whose body broke off. Any other status and a body that makes no sense are final: they would
/// come again.
///
/// Every request of this workspace can be repeated: a GET, a login, or an upsert by row identifier.
///
/// # The wait
///
/// Exponential with full jitter: a random time between zero and a bound that doubles with each
/// failure, so that clients which failed together do not come back together. `Retry-After` is the
/// minimum.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Bound of the first wait; 1 s.
    pub first: Duration,
    /// Largest bound; 30 s.
    pub max: Duration,
    /// Longest wait that is spent here; 2 minutes. If `Retry-After` requests more, the attempts end
    /// and the caller can come back later.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            max: Duration::from_secs(30),
            patience: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// No waits, so that tests are quick.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn immediate() -> Self {
        Self {
            first: Duration::ZERO,
            max: Duration::ZERO,
            ..Self::default()
        }
    }

    fn bounds(&self) -> ExponentialBackoff {
        ExponentialBuilder::default()
            .with_min_delay(self.first)
            .with_max_delay(self.max)
            .without_max_times()
            .build()
    }
}

/// The attempts that are left for one piece of work, which may take several requests.
///
/// It limits two numbers: failures without a success between them, and starts of the whole work.
#[derive(Debug)]
pub struct RetryBudget {
    max_attempts: u32,
    failures: u32,
    starts: u32,
    policy: RetryPolicy,
    bounds: ExponentialBackoff,
    min_wait: Duration,
    deadline: Option<Instant>,
}

impl RetryBudget {
    /// A budget of `max_attempts`, at least 1.
    #[must_use]
    pub fn new(max_attempts: u32, policy: RetryPolicy) -> Self {
        Self {
            max_attempts: max_attempts.max(1),
            failures: 0,
            starts: 1,
            policy,
            bounds: policy.bounds(),
            min_wait: Duration::ZERO,
            deadline: None,
        }
    }

    /// The same budget, but no wait is shorter than `min_wait`.
    #[must_use]
    pub fn with_min_wait(self, min_wait: Duration) -> Self {
        Self { min_wait, ..self }
    }

    /// The same budget, but no wait ends after `deadline`.
    #[must_use]
    pub fn with_deadline(self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self }
    }

    /// A request succeeded: failures are counted from zero again.
    pub fn reset(&mut self) {
        self.failures = 0;
        self.bounds = self.policy.bounds();
    }

    /// How long to wait before the failed request is repeated; `None` if the budget is used up, or
    /// if the wait would be longer than the policy's patience or end after the deadline.
    pub fn backoff(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        self.failures += 1;
        if self.failures >= self.max_attempts {
            return None;
        }
        let bound = self.bounds.next().unwrap_or(self.policy.max);
        let wait = rand::random_range(Duration::ZERO..=bound)
            .max(retry_after.unwrap_or_default())
            .max(self.min_wait);
        // A wait beyond the patience may be too long to be added to an instant.
        if wait > self.policy.patience {
            return None;
        }
        let is_in_time = self
            .deadline
            .is_none_or(|deadline| Instant::now() + wait < deadline);
        is_in_time.then_some(wait)
    }

    /// As [`RetryBudget::backoff`], before the work is started over from its first request.
    pub fn restart(&mut self) -> Option<Duration> {
        self.starts += 1;
        if self.starts > self.max_attempts {
            return None;
        }
        self.backoff(None)
    }
}

#[cfg(test)]
mod tests;
