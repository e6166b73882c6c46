//! Limits of a client that do not depend on the provider.

use std::time::Duration;

use http_kit::RetryPolicy;

/// Limits that protect us from a provider's faults.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// Longest time for one hour, retries and pauses included; 30 minutes. A provider's own
    /// `deadline` takes precedence. It also ends a body that never does.
    pub deadline: Option<Duration>,
    /// Largest body that is read, in bytes after decompression; 2 GiB.
    pub max_body_bytes: u64,
    /// How much of a response that is not MDS an error keeps for the person who asks
    /// ([`MdsError::body`](crate::MdsError::body)), in bytes after decompression; nothing.
    pub kept_body_bytes: usize,
    /// Largest number of pages of one hour; 10,000.
    pub max_pages: u32,
    /// Age of an hour from which a 404 means "no service in that hour"; 48 hours.
    pub not_found_grace: Duration,
    /// How long to wait between attempts. Their number is the provider's `max_attempts`.
    pub retry: RetryPolicy,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            deadline: Some(Duration::from_secs(30 * 60)),
            max_body_bytes: 2 << 30,
            kept_body_bytes: 0,
            max_pages: 10_000,
            not_found_grace: Duration::from_secs(48 * 3600),
            retry: RetryPolicy::default(),
        }
    }
}
