//! What can go wrong with a provider, sorted by what can be done about it.

use std::io;
use std::time::Duration;

use trips::block::ProviderName;

/// Why an hour could not be fetched. Names the provider, and holds neither secrets nor any part of
/// a body.
#[derive(Debug, thiserror::Error)]
pub enum MdsError {
    /// The provider's entry in the providers file cannot work.
    #[error("provider {provider}: `{key}` {why}")]
    Config {
        /// The provider.
        provider: ProviderName,
        /// The key to correct.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// Too many requests, even after waiting. Try again later.
    #[error("provider {provider} asks us to slow down (429){}", requested_wait(*retry_after))]
    Throttled {
        /// The provider.
        provider: ProviderName,
        /// The wait that it requested, if any.
        retry_after: Option<Duration>,
    },
    /// No complete response, for a reason that can pass. Try again later.
    #[error("provider {provider} is unavailable: {why}")]
    Unavailable {
        /// The provider.
        provider: ProviderName,
        /// What happened.
        why: String,
        /// The status, if there was one.
        status: Option<u16>,
        /// The cause, without the URL.
        #[source]
        source: Option<reqwest::Error>,
    },
    /// The provider refuses the request. Repeating it changes nothing.
    #[error("provider {provider} refuses: {why}")]
    Rejected {
        /// The provider.
        provider: ProviderName,
        /// The status.
        status: u16,
        /// What it means, and what to look at.
        why: String,
    },
    /// The response is not what MDS requires.
    #[error("provider {provider} sent a malformed response: {why}")]
    Malformed {
        /// The provider.
        provider: ProviderName,
        /// What is wrong, without any content.
        why: String,
    },
    /// The caller's [`TripSink`](crate::TripSink) failed. The provider is not the cause.
    #[error("trips of provider {provider} could not be stored")]
    Sink {
        /// The provider.
        provider: ProviderName,
        /// The sink's error.
        source: io::Error,
    },
}

fn requested_wait(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(wait) => format!(": wait {} s", wait.as_secs()),
        None => String::new(),
    }
}

impl MdsError {
    /// Whether waiting can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. })
    }
}
