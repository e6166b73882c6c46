//! The log of requests to a server, for tests to check.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// How many requests are kept. Older ones are only counted.
const MAX_KEPT: usize = 10_000;

/// A request with the status of its response. It has no headers, and so no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path, from its first slash.
    pub path: String,
    /// The query as sent, without the question mark. It is empty if there is none.
    pub query: String,
    /// The status of the response, or `None` if the connection was dropped instead.
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
        if inner.newest.len() == MAX_KEPT {
            inner.newest.pop_front();
        }
        inner.newest.push_back(request);
    }

    /// The latest 10,000 requests that got a response or whose connection was dropped, oldest
    /// first.
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

    /// How many requests got `status`.
    #[must_use]
    pub fn count(&self, status: u16) -> u64 {
        self.count_of(Some(status))
    }

    /// How many requests got no response because their connection was dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.count_of(None)
    }

    /// How many requests have arrived. This includes requests that have no response yet, and those
    /// whose client disconnected before it.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .begun
    }

    /// How many requests got a response or had their connection dropped.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .counts
            .values()
            .sum()
    }

    /// Removes all entries and counts.
    pub fn clear(&self) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }

    fn count_of(&self, status: Option<u16>) -> u64 {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.counts.get(&status).copied().unwrap_or_default()
    }
}
