//! What can go wrong with a portal, sorted by what can be done about it.

use std::time::Duration;

/// Why the portal did not do what was asked. Holds neither secrets nor any part of a row.
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
    /// Too many requests, also after waiting; come back later.
    #[error("the portal asks us to slow down (429){}", said_wait(*retry_after))]
    Throttled {
        /// The wait it asked for, if it said.
        retry_after: Option<Duration>,
    },
    /// A fault that can pass, also after trying again; come back later.
    #[error("the portal is unavailable: {why}")]
    Unavailable {
        /// What happened.
        why: String,
        /// The status, if there was one.
        status: Option<u16>,
        /// The wait it asked for, if it said.
        retry_after: Option<Duration>,
        /// The fault below, without the URL.
        #[source]
        source: Option<reqwest::Error>,
    },
    /// The portal refuses, or answers with what is no answer; trying again changes nothing.
    #[error("the portal refuses: {why}{}", said_code(code.as_deref()))]
    Rejected {
        /// The status; 200 where the fault is in the body.
        status: u16,
        /// Socrata's name for the error, such as `permission_denied`.
        code: Option<String>,
        /// What it means, and what to look at.
        why: String,
    },
}

impl SocrataError {
    /// Whether waiting can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. })
    }

    /// The wait that the portal asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } | Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Config { .. } | Self::Rejected { .. } => None,
        }
    }

    /// The connection failed.
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        let why = if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "no connection"
        } else {
            "the connection broke off"
        };
        Self::Unavailable {
            why: why.to_owned(),
            status: None,
            retry_after: None,
            source: Some(error.without_url()),
        }
    }

    /// A body that cannot be an answer.
    pub(crate) fn senseless(why: impl Into<String>) -> Self {
        Self::Rejected {
            status: 200,
            code: None,
            why: why.into(),
        }
    }
}

fn said_wait(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(wait) => format!(": wait {} s", wait.as_secs()),
        None => String::new(),
    }
}

fn said_code(code: Option<&str>) -> String {
    match code {
        Some(code) => format!(" (code {code})"),
        None => String::new(),
    }
}
