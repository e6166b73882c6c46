//! What can go wrong with a portal, sorted by what can be done about it.

use std::time::Duration;

/// Why a request to the portal failed. Holds neither secrets nor any part of a row.
#[derive(Debug, thiserror::Error)]
pub enum SocrataError {
    /// The configuration cannot work.
    #[error("`{key}` {why}")]
    Config {
        /// The setting to correct.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Too many requests, even after waiting. Try again later.
    #[error("the portal asks us to slow down (429){}", requested_wait(*retry_after))]
    Throttled {
        /// The wait that it requested, if any.
        retry_after: Option<Duration>,
    },
    /// A fault that can pass, even after retries. Try again later.
    #[error("the portal is unavailable: {why}")]
    Unavailable {
        /// What happened.
        why: String,
        /// The status, if there was one.
        status: Option<u16>,
        /// The wait that it requested, if any.
        retry_after: Option<Duration>,
        /// The cause, without the URL.
        #[source]
        source: Option<reqwest::Error>,
    },
    /// The portal refuses the request, or its response makes no sense. Repeating the request
    /// changes nothing.
    #[error("the portal refuses: {why}{}", code_suffix(code.as_deref()))]
    Rejected {
        /// The status; 200 if the fault is in the body.
        status: u16,
        /// Socrata's name for the error, such as `permission_denied`.
        code: Option<String>,
        /// What it means, and what to look at.
        why: String,
    },
    /// Nothing was sent, since what has to hold meanwhile does not.
    #[error("the rows were not sent: {why}")]
    NotSent {
        /// What does not hold.
        why: String,
    },
}

impl SocrataError {
    /// Whether waiting can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. })
    }

    /// Whether the portal would refuse any other request, too: it refuses the login, the address
    /// leads nowhere, or the status is none that blames the content or the size of this one.
    pub fn refuses_every_request(&self) -> bool {
        match self {
            Self::Rejected { status, .. } => !matches!(status, 200 | 202 | 400 | 413 | 414 | 422),
            _ => false,
        }
    }

    /// The wait that the portal requested.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } | Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Config { .. } | Self::Rejected { .. } | Self::NotSent { .. } => None,
        }
    }

    /// There was no complete response.
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        Self::Unavailable {
            why: http_kit::transport_cause(&error),
            status: None,
            retry_after: None,
            source: Some(error.without_url()),
        }
    }

    /// The body of a 200 is not what the portal should return.
    pub(crate) fn malformed(why: impl Into<String>) -> Self {
        Self::Rejected {
            status: 200,
            code: None,
            why: why.into(),
        }
    }
}

fn requested_wait(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(wait) => format!(": wait {} s", wait.as_secs()),
        None => String::new(),
    }
}

fn code_suffix(code: Option<&str>) -> String {
    match code {
        Some(code) => format!(" (code {code})"),
        None => String::new(),
    }
}
