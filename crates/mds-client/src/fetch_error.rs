//! A failure inside the fetching of an hour, together with what may be tried about it.

use std::fmt;
use std::io;
use std::time::Duration;

use trips::block::ProviderName;

use crate::error::MdsError;

/// What may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryScope {
    /// The same request again, not before the wait the provider asked for.
    Request(Option<Duration>),
    /// The whole hour again: part of it has gone into a sink.
    Hour,
    /// Nothing.
    None,
}

/// A failure that does not know its provider yet.
pub(crate) struct FetchError {
    kind: Kind,
    pub(crate) remedy: RetryScope,
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
    Sink(io::Error),
}

impl FetchError {
    fn new(kind: Kind, remedy: RetryScope) -> Self {
        Self { kind, remedy }
    }

    pub(crate) fn throttled(retry_after: Option<Duration>) -> Self {
        Self::new(
            Kind::Throttled(retry_after),
            RetryScope::Request(retry_after),
        )
    }

    /// No answer to a request.
    pub(crate) fn transport(what: &str, error: reqwest::Error) -> Self {
        Self::new(transport(what, error), RetryScope::Request(None))
    }

    /// No answer within the time.
    pub(crate) fn silent(timeout: Duration) -> Self {
        let why = format!("no answer for {} s", timeout.as_secs_f64());
        Self::new(unavailable(why, None), RetryScope::Request(None))
    }

    pub(crate) fn unavailable_status(
        status: u16,
        why: String,
        retry_after: Option<Duration>,
    ) -> Self {
        Self::new(
            unavailable(why, Some(status)),
            RetryScope::Request(retry_after),
        )
    }

    /// The connection failed within a body.
    pub(crate) fn body_transport(what: &str, error: reqwest::Error) -> Self {
        Self::new(transport(what, error), RetryScope::Hour)
    }

    /// A body that stopped, or a page that has gone.
    pub(crate) fn broken_off(why: String) -> Self {
        Self::new(unavailable(why, None), RetryScope::Hour)
    }

    /// A body that ended in an orderly way in the middle of its JSON.
    pub(crate) fn broken_json(why: String) -> Self {
        Self::new(Kind::Malformed(why), RetryScope::Hour)
    }

    /// All the time for the hour is gone.
    pub(crate) fn out_of_time(deadline: Duration) -> Self {
        let why = format!("no whole answer within {} s", deadline.as_secs_f64());
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

    /// The wait to tell the caller of.
    pub(crate) fn asked_wait(&self) -> Option<Duration> {
        match self.remedy {
            RetryScope::Request(wait) => wait,
            RetryScope::Hour | RetryScope::None => None,
        }
    }

    /// Whether there was no status at all to the request.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(
            self,
            Self {
                kind: Kind::Unavailable { status: None, .. },
                remedy: RetryScope::Request(_),
            }
        )
    }

    pub(crate) fn of(self, provider: &ProviderName) -> MdsError {
        let provider = provider.clone();
        match self.kind {
            Kind::Throttled(retry_after) => MdsError::Throttled {
                provider,
                retry_after,
            },
            Kind::Unavailable {
                why,
                status,
                source,
            } => MdsError::Unavailable {
                provider,
                why,
                status,
                source,
            },
            Kind::Rejected { status, why } => MdsError::Rejected {
                provider,
                status,
                why,
            },
            Kind::Malformed(why) => MdsError::Malformed { provider, why },
            Kind::Sink(source) => MdsError::Sink { provider, source },
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Throttled(_) => f.write_str("it asks us to slow down"),
            Kind::Unavailable { why, .. } | Kind::Rejected { why, .. } | Kind::Malformed(why) => {
                f.write_str(why)
            }
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
    let why = if error.is_timeout() {
        format!("{what} in time")
    } else if error.is_connect() {
        format!("{what}: no connection")
    } else {
        what.to_owned()
    };
    Kind::Unavailable {
        why,
        status: None,
        source: Some(error.without_url()),
    }
}
