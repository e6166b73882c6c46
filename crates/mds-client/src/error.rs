//! What can go wrong with a provider, sorted by what can be done about it.

use std::io;
use std::time::Duration;

use trips::block::ProviderName;

/// Why an hour could not be fetched. Names the provider, and holds neither secrets nor anything of
/// an answer's body.
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
    /// Too many requests, also after waiting; ask later.
    #[error("provider {provider} asks us to slow down (429){}", said_wait(*retry_after))]
    Throttled {
        /// The provider.
        provider: ProviderName,
        /// The wait it asked for, if it said.
        retry_after: Option<Duration>,
    },
    /// No whole answer: a fault that can pass. ListRequest later.
    #[error("provider {provider} is unavailable: {why}")]
    Unavailable {
        /// The provider.
        provider: ProviderName,
        /// What happened.
        why: String,
        /// The status, if there was one.
        status: Option<u16>,
        /// The fault below, without the URL.
        #[source]
        source: Option<reqwest::Error>,
    },
    /// The provider refuses the request; asking again changes nothing.
    #[error("provider {provider} refuses: {why}")]
    Rejected {
        /// The provider.
        provider: ProviderName,
        /// The status.
        status: u16,
        /// What it means, and what to look at.
        why: String,
    },
    /// The answer is not what MDS says it must be.
    #[error("provider {provider} sent a malformed answer: {why}")]
    Malformed {
        /// The provider.
        provider: ProviderName,
        /// What is wrong, without any content.
        why: String,
    },
    /// The caller's [`TripSink`](crate::TripSink) failed; nothing of the provider's doing.
    #[error("trips of provider {provider} could not be stored")]
    Sink {
        /// The provider.
        provider: ProviderName,
        /// What the sink said.
        source: io::Error,
    },
}

fn said_wait(retry_after: Option<Duration>) -> String {
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
