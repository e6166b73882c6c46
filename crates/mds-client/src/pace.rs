//! The pace of the requests to one provider: the pause between two of them, how many run at once,
//! and the wait that the provider asked for.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use http_kit::retry_after;
use reqwest::Response;
use tokio::time::Instant;

mod local;

pub(crate) use self::local::LocalPace;

/// Longest wait that is honoured. A provider that asks for more has most likely made a mistake, and
/// it is asked once a day whether it has.
pub const MAX_HOLD_OFF: Duration = Duration::from_secs(24 * 3600);

/// Keeps the pace of the requests to one provider. Every request waits for its turn, and every list
/// that is requested page by page holds a slot.
///
/// A client has a pace of its own, which knows the requests of this client only. Another
/// implementation can keep the pace over several clients and processes:
/// [`MdsClient::with_pace`](crate::MdsClient::with_pace).
pub trait Pace: Send + Sync + fmt::Debug {
    /// Waits for one of the slots (`max_parallel`) for a list.
    fn enter(&self, deadline: Option<Instant>) -> BoxFuture<'_, Result<Box<dyn Slot>, PaceError>>;

    /// Waits until a request may be sent.
    fn turn(&self, limits: WaitLimits) -> BoxFuture<'_, Result<(), PaceError>>;

    /// Notes that the provider asked for this wait, at most [`MAX_HOLD_OFF`]. Until it is over,
    /// nobody gets a turn.
    fn hold_off(&self, wait: Duration) -> BoxFuture<'_, ()>;
}

/// A slot for one list. Dropping it frees it too, perhaps a moment later.
pub trait Slot: Send {
    /// Frees the slot.
    fn free(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// How long a request may wait for its turn.
#[derive(Clone, Copy, Debug)]
pub struct WaitLimits {
    /// When the work must have ended.
    pub deadline: Option<Instant>,
    /// Longest wait, if it is the provider that asked for it.
    pub patience: Duration,
}

impl WaitLimits {
    /// Whether a request that is sent after `wait` has time left.
    #[must_use]
    pub fn allow(&self, wait: Duration) -> bool {
        self.deadline
            .is_none_or(|deadline| Instant::now() + wait < deadline)
    }
}

/// The turns of the requests of one list.
#[derive(Clone, Copy)]
pub(crate) struct Turns<'a> {
    pub(crate) pace: &'a dyn Pace,
    pub(crate) limits: WaitLimits,
}

impl Turns<'_> {
    /// Waits until the next request may be sent.
    pub(crate) async fn next(&self) -> Result<(), PaceError> {
        self.pace.turn(self.limits).await
    }

    /// What a failed response says about the next request: nobody sends one before the wait is over
    /// that it asks for.
    pub(crate) async fn heed(&self, response: &Response) -> Option<Duration> {
        let wait = retry_after(response.headers(), SystemTime::now())?;
        self.pace.hold_off(wait).await;
        Some(wait)
    }
}

/// Why there is no turn.
#[derive(Debug, thiserror::Error)]
pub enum PaceError {
    /// The provider asked for a wait that is longer than this work can wait.
    #[error("it asked for no request before {}{}", shown(*until), way_out(remedy.as_deref()))]
    HeldOff {
        /// The end of the wait.
        until: DateTime<Utc>,
        /// How to end it earlier, if it is kept for others than this process.
        remedy: Option<String>,
    },
    /// Other requests to the provider come first, for longer than this work can wait.
    #[error("other requests to it come first: `{key}` of its entry leaves no turn in time")]
    Crowded {
        /// The key of the provider's entry that sets the pace.
        key: &'static str,
    },
    /// The place where the pace is kept failed.
    #[error(transparent)]
    Failed(Box<dyn Error + Send + Sync>),
}

fn way_out(remedy: Option<&str>) -> String {
    remedy.map_or_else(String::new, |remedy| format!(" ({remedy})"))
}

/// An instant, as messages have it.
pub(crate) fn shown(instant: DateTime<Utc>) -> impl fmt::Display {
    instant.format("%Y-%m-%dT%H:%M:%SZ")
}
