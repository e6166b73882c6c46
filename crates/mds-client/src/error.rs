//! What can go wrong with a provider, sorted by what can be done about it.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use trips::block::ProviderName;

use crate::pace::{MAX_HOLD_OFF, shown};

/// Why an hour could not be fetched. Its message names the provider, and holds neither secrets nor
/// any part of a body.
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
    #[error("provider {provider} asks us to slow down (429){}", requested_wait(*retry_after, *until))]
    Throttled {
        /// The provider.
        provider: ProviderName,
        /// The wait that it requested, if any.
        retry_after: Option<Duration>,
        /// The end of that wait.
        until: Option<DateTime<Utc>>,
    },
    /// The request was not sent: its turn does not come while there is time for it. Try again
    /// later.
    #[error("provider {provider} is not requested now: {why}")]
    NoTurn {
        /// The provider.
        provider: ProviderName,
        /// What its turn waits for.
        why: String,
    },
    /// The place where the pace of the requests is kept failed. The provider is not the cause.
    #[error("the pace of the requests to provider {provider} cannot be kept")]
    Pace {
        /// The provider.
        provider: ProviderName,
        /// What happened.
        source: Box<dyn StdError + Send + Sync>,
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
        /// Whether a part of a response came.
        is_partial: bool,
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
        /// The provider's own words, as [`MdsError::said`] returns them.
        said: Option<ProviderWords>,
    },
    /// The response is not what MDS requires.
    #[error("provider {provider} sent a malformed response: {why}")]
    Malformed {
        /// The provider.
        provider: ProviderName,
        /// What is wrong, without any content.
        why: String,
        /// The provider's own words, as [`MdsError::said`] returns them.
        said: Option<ProviderWords>,
        /// What came, as [`MdsError::body`] returns it.
        body: Option<ProviderBody>,
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

/// A provider's own words about a failure. A body may hold anything, so `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderWords(String);

impl ProviderWords {
    pub(crate) fn new(words: String) -> Self {
        Self(words)
    }
}

impl std::fmt::Debug for ProviderWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProviderWords(..)")
    }
}

/// The beginning of a response that is not MDS. It may hold trips, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderBody(Vec<u8>);

impl ProviderBody {
    pub(crate) fn new(bytes: Vec<u8>) -> Option<Self> {
        (!bytes.is_empty()).then_some(Self(bytes))
    }
}

impl std::fmt::Debug for ProviderBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProviderBody(..)")
    }
}

fn requested_wait(retry_after: Option<Duration>, until: Option<DateTime<Utc>>) -> String {
    match (retry_after, until) {
        (Some(wait), Some(until)) if wait > MAX_HOLD_OFF => format!(
            ": it asks for a wait of {} s, and is requested again after a day, from {} on",
            wait.as_secs(),
            shown(until)
        ),
        (Some(wait), Some(until)) => {
            format!(": wait {} s, until {}", wait.as_secs(), shown(until))
        }
        _ => String::new(),
    }
}

impl MdsError {
    /// How the provider explains the refusal, with tokens, ids and places hidden and the length
    /// bounded. It is not a part of the message: show it to a person who asks, and store it
    /// nowhere.
    #[must_use]
    pub fn said(&self) -> Option<&str> {
        match self {
            Self::Rejected { said, .. } | Self::Malformed { said, .. } => {
                said.as_ref().map(|words| words.0.as_str())
            }
            _ => None,
        }
    }

    /// The beginning of a response that is not MDS, as it was sent, if the client keeps it
    /// ([`ClientOptions::kept_body_bytes`](crate::ClientOptions::kept_body_bytes)). It may hold
    /// trips and credentials: write it to a file of the person who asks, and nowhere else.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        match self {
            Self::Malformed { body, .. } => body.as_ref().map(|body| body.0.as_slice()),
            _ => None,
        }
    }

    /// Whether there was no answer that tells anything about the feed.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        let is_partial = matches!(
            self,
            Self::Unavailable {
                is_partial: true,
                ..
            }
        );
        self.is_transient() && !is_partial
    }

    /// Whether waiting can help.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. } | Self::NoTurn { .. } | Self::Unavailable { .. }
        )
    }
}

#[cfg(test)]
mod tests;
