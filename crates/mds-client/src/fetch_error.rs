//! A failure during the fetch of an hour, and what may be repeated after it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use chrono::Utc;
use http_kit::{BodyError, transport_cause};
use trips::block::ProviderName;

use crate::error::{MdsError, ProviderBody, ProviderWords};
use crate::pace::{MAX_HOLD_OFF, PaceError, shown};

/// What may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryScope {
    /// The same request, after the wait that the provider requested.
    Request(Option<Duration>),
    /// The whole hour: part of it has gone into a sink.
    Hour,
    /// Nothing.
    None,
}

/// A failure that does not name its provider yet.
pub(crate) struct FetchError {
    kind: Kind,
    pub(crate) scope: RetryScope,
    /// The provider's own words.
    said: Option<String>,
    /// What came instead of MDS.
    body: Vec<u8>,
}

enum Kind {
    Throttled(Option<Duration>),
    Unavailable {
        why: String,
        status: Option<u16>,
        source: Option<reqwest::Error>,
    },
    Rejected {
        status: u16,
        why: String,
    },
    Malformed(String),
    NoTurn(String),
    Pace(Box<dyn StdError + Send + Sync>),
    Sink(io::Error),
}

impl From<PaceError> for FetchError {
    fn from(error: PaceError) -> Self {
        let kind = match error {
            PaceError::HeldOff { .. } | PaceError::Crowded { .. } => {
                Kind::NoTurn(error.to_string())
            }
            PaceError::Failed(source) => Kind::Pace(source),
        };
        Self::new(kind, RetryScope::None)
    }
}

impl FetchError {
    fn new(kind: Kind, scope: RetryScope) -> Self {
        Self {
            kind,
            scope,
            said: None,
            body: Vec::new(),
        }
    }

    /// Adds what came, if it is to be kept.
    pub(crate) fn with_body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    /// Adds the provider's own words.
    pub(crate) fn with_words(self, said: Option<String>) -> Self {
        Self { said, ..self }
    }

    /// The same failure, after which the request may be repeated.
    pub(crate) fn may_pass(self) -> Self {
        Self {
            scope: RetryScope::Request(None),
            ..self
        }
    }

    pub(crate) fn throttled(retry_after: Option<Duration>) -> Self {
        Self::new(
            Kind::Throttled(retry_after),
            RetryScope::Request(retry_after),
        )
    }

    /// There was no response to a request.
    pub(crate) fn transport(what: &str, error: reqwest::Error) -> Self {
        Self::new(transport(what, error), RetryScope::Request(None))
    }

    /// There was no response within the time-out.
    pub(crate) fn silent(timeout: Duration) -> Self {
        let why = format!("no response for {} s", timeout.as_secs_f64());
        Self::new(unavailable(why, None), RetryScope::Request(None))
    }

    /// `who` returned a status that may pass, and perhaps asks for a wait.
    pub(crate) fn unavailable_status(
        who: &str,
        status: u16,
        retry_after: Option<Duration>,
    ) -> Self {
        let wait = retry_after.map_or_else(String::new, |wait| {
            let until = shown(Utc::now() + wait.min(MAX_HOLD_OFF));
            format!(" and asks for no request before {until}")
        });
        Self::new(
            unavailable(
                format!("{who} returned status {status}{wait}"),
                Some(status),
            ),
            RetryScope::Request(retry_after),
        )
    }

    /// The body of a token response could not be read.
    pub(crate) fn token_body(error: BodyError) -> Self {
        match error {
            BodyError::Transport(source) => {
                Self::transport("the response of token_url is incomplete", source)
            }
            BodyError::TooLarge { .. } => Self::malformed("token_url returned more than a token"),
            BodyError::Encoding(_) => {
                Self::malformed(format!("the response of token_url: {error}"))
            }
        }
    }

    /// A body ended too early, or cannot be decompressed.
    pub(crate) fn body(error: BodyError) -> Self {
        match error {
            BodyError::Transport(source) => Self::new(
                transport("the body is incomplete", source),
                RetryScope::Hour,
            ),
            BodyError::Encoding(_) => Self::broken_off(error.to_string()),
            BodyError::TooLarge { .. } => Self::malformed(error.to_string()),
        }
    }

    /// A body stopped, or a page is gone.
    pub(crate) fn broken_off(why: String) -> Self {
        Self::new(unavailable(why, None), RetryScope::Hour)
    }

    /// The connection ended properly, but in the middle of the JSON.
    pub(crate) fn broken_json(why: String) -> Self {
        Self::new(Kind::Malformed(why), RetryScope::Hour)
    }

    /// The time for the hour is used up.
    pub(crate) fn out_of_time(limit: Duration) -> Self {
        let why = format!("no complete response within {} s", limit.as_secs_f64());
        Self::new(unavailable(why, None), RetryScope::None)
    }

    pub(crate) fn rejected(status: u16, why: String) -> Self {
        Self::new(Kind::Rejected { status, why }, RetryScope::None)
    }

    pub(crate) fn malformed(why: impl Into<String>) -> Self {
        Self::new(Kind::Malformed(why.into()), RetryScope::None)
    }

    pub(crate) fn sink(source: io::Error) -> Self {
        Self::new(Kind::Sink(source), RetryScope::None)
    }

    /// Whether the request got no response at all.
    pub(crate) fn is_without_response(&self) -> bool {
        matches!(
            self,
            Self {
                kind: Kind::Unavailable { status: None, .. },
                scope: RetryScope::Request(_),
                ..
            }
        )
    }

    pub(crate) fn into_mds_error(self, provider: &ProviderName) -> MdsError {
        let provider = provider.clone();
        let said = self.said.map(ProviderWords::new);
        let is_partial = self.scope == RetryScope::Hour;
        match self.kind {
            Kind::Throttled(retry_after) => MdsError::Throttled {
                provider,
                retry_after,
                until: retry_after.map(|wait| Utc::now() + wait.min(MAX_HOLD_OFF)),
            },
            Kind::NoTurn(why) => MdsError::NoTurn { provider, why },
            Kind::Pace(source) => MdsError::Pace { provider, source },
            Kind::Unavailable {
                why,
                status,
                source,
            } => MdsError::Unavailable {
                provider,
                why,
                status,
                is_partial,
                source,
            },
            Kind::Rejected { status, why } => MdsError::Rejected {
                provider,
                status,
                why,
                said,
            },
            Kind::Malformed(why) => MdsError::Malformed {
                provider,
                why,
                said,
                body: ProviderBody::new(self.body),
            },
            Kind::Sink(source) => MdsError::Sink { provider, source },
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Throttled(_) => f.write_str("it asks us to slow down (429)"),
            Kind::Unavailable { why, .. }
            | Kind::Rejected { why, .. }
            | Kind::Malformed(why)
            | Kind::NoTurn(why) => f.write_str(why),
            Kind::Pace(_) => f.write_str("the pace of the requests cannot be kept"),
            Kind::Sink(_) => f.write_str("the trips could not be stored"),
        }
    }
}

fn unavailable(why: String, status: Option<u16>) -> Kind {
    Kind::Unavailable {
        why,
        status,
        source: None,
    }
}

fn transport(what: &str, error: reqwest::Error) -> Kind {
    Kind::Unavailable {
        why: format!("{what}: {}", transport_cause(&error)),
        status: None,
        source: Some(error.without_url()),
    }
}
