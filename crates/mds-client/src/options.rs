//! Limits of a client that are ours and not the provider's.

use std::time::Duration;

/// Limits that protect us from a provider's faults.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// Longest time for one hour, retries and pauses included; 30 minutes. A provider's own
    /// `deadline` goes before it. Bytes that trickle in for ever end here.
    pub deadline: Option<Duration>,
    /// Largest body that is read, in bytes after decompression; 2 GiB.
    pub max_body_bytes: u64,
    /// Most pages of one hour; 10,000.
    pub max_pages: u32,
    /// Age from which a 404 is taken as "no service in that hour"; 48 hours.
    pub not_found_grace: Duration,
    /// How long to wait between attempts.
    pub retry: RetryPolicy,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            deadline: Some(Duration::from_secs(30 * 60)),
            max_body_bytes: 2 << 30,
            max_pages: 10_000,
            not_found_grace: Duration::from_secs(48 * 3600),
            retry: RetryPolicy::default(),
        }
    }
}

/// Waits between attempts: exponential with full jitter (anything from nothing to the step's bound,
/// so that clients do not come back together). What the other side asks for with `Retry-After` is
/// the least wait.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Bound of the first wait; 1 s. It doubles with every attempt.
    pub first: Duration,
    /// Largest bound; 30 s.
    pub most: Duration,
    /// Longest wait that is sat out here; 2 minutes. If the other side asks for more, the attempt
    /// ends with an error that says so, and the caller can come back.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            most: Duration::from_secs(30),
            patience: Duration::from_secs(120),
        }
    }
}
