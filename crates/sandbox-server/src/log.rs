//! What was asked of a server, for tests to look at.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// The newest requests that are kept whole; of older ones only the counts stay.
const KEPT: usize = 10_000;

/// One request and how it was answered. Headers, and so credentials, are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path, from its first slash.
    pub path: String,
    /// The query as sent, without the question mark; empty where there is none.
    pub query: String,
    /// The status of the answer, or none where the connection was dropped instead.
    pub status: Option<u16>,
}

/// The requests to one server since it started.
#[derive(Debug, Default)]
pub struct RequestLog {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    begun: u64,
    newest: VecDeque<LoggedRequest>,
    counts: BTreeMap<Option<u16>, u64>,
}

impl RequestLog {
    pub(super) fn begin(&self) {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .begun += 1;
    }

    pub(super) fn add(&self, request: LoggedRequest) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *inner.counts.entry(request.status).or_default() += 1;
        if inner.newest.len() == KEPT {
            inner.newest.pop_front();
        }
        inner.newest.push_back(request);
    }

    /// The newest requests that were answered, or dropped instead, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .newest
            .iter()
            .cloned()
            .collect()
    }

    /// How many requests were answered with `status`.
    #[must_use]
    pub fn count(&self, status: u16) -> u64 {
        self.of(Some(status))
    }

    /// How many connections were dropped before an answer.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.of(None)
    }

    /// How many requests have come in, those among them that wait for their answer, or whose client
    /// left before it came.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .begun
    }

    /// How many requests were answered, or dropped instead.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .counts
            .values()
            .sum()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }

    fn of(&self, status: Option<u16>) -> u64 {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.counts.get(&status).copied().unwrap_or_default()
    }
}
