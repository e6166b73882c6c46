//! Limits of the client.

use std::time::Duration;

use http_kit::RetryPolicy;

/// How long the client waits, and how often it tries.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// Longest time for one request; 2 minutes. A portal can work on 10,000 rows for one.
    pub timeout: Duration,
    /// Attempts at a request; 4.
    pub max_attempts: u32,
    /// How often the client asks for the result of an upload that the portal processes in the
    /// background; 30 times.
    pub max_polls: u32,
    /// How long to wait between attempts, and between polls.
    pub retry: RetryPolicy,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(120),
            max_attempts: 4,
            max_polls: 30,
            retry: RetryPolicy::default(),
        }
    }
}
