//! How often to try again, and when.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use crate::options::RetryPolicy;

/// What is left to try in one hour. Failures in a row are counted, whether a request failed or the
/// body behind it broke off; besides, the hour as a whole is begun at most as often.
pub(crate) struct RetryBudget {
    most: u32,
    in_a_row: u32,
    passes: u32,
    policy: RetryPolicy,
    steps: ExponentialBackoff,
    deadline: Option<Instant>,
    /// Least pause between two requests.
    delay: Duration,
}

impl RetryBudget {
    pub(crate) fn new(
        most: u32,
        delay: Duration,
        policy: RetryPolicy,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            most: most.max(1),
            in_a_row: 0,
            passes: 1,
            policy,
            steps: steps(&policy),
            deadline,
            delay,
        }
    }

    /// A page has been read whole.
    pub(crate) fn succeeded(&mut self) {
        self.in_a_row = 0;
        self.steps = steps(&self.policy);
    }

    /// Waits until the failed request may be repeated; false if it may not.
    pub(crate) async fn again(&mut self, asked_wait: Option<Duration>) -> bool {
        self.in_a_row += 1;
        if self.in_a_row >= self.most {
            return false;
        }
        let wait = self.wait(asked_wait);
        if wait > self.policy.patience || self.ends_within(wait) {
            return false;
        }
        tokio::time::sleep(wait).await;
        true
    }

    /// As [`RetryBudget::again`], for the hour as a whole.
    pub(crate) async fn restart(&mut self) -> bool {
        self.passes += 1;
        self.passes <= self.most && self.again(None).await
    }

    fn wait(&mut self, asked: Option<Duration>) -> Duration {
        let bound = self.steps.next().unwrap_or(self.policy.most);
        let jittered = rand::random_range(Duration::ZERO..=bound);
        jittered.max(asked.unwrap_or_default()).max(self.delay)
    }

    fn ends_within(&self, wait: Duration) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() + wait >= deadline)
    }
}

fn steps(policy: &RetryPolicy) -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(policy.first)
        .with_max_delay(policy.most)
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests;
