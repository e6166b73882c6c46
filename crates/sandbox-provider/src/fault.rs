//! Faults of the responses for an hour.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What goes wrong. If a request spans several hours, the faults of its last hour apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The hour is not ready: an empty list before 0.4, 404 up to 1.1, 102 in 1.2, 202 in 2.0.
    /// After the 102 the connection closes, since no final response follows.
    NotReady,
    /// The provider did not operate: 404.
    NotOperating,
    /// Another status, with an error object as its body.
    Status {
        /// For instance 429 or 500.
        status: u16,
        /// The seconds of a `Retry-After`.
        retry_after: Option<u64>,
    },
    /// The connection closes in the middle of the body.
    DropConnection,
    /// The body ends in the middle, but the connection ends as if it were complete.
    TruncatedJson,
    /// A 200 whose body is an error object.
    ErrorObject200,
    /// A 200 whose body is a page of HTML.
    HtmlPage200,
    /// The response starts this much later.
    Slow(Duration),
    /// The response pauses this long in the middle of its body.
    Stall(Duration),
    /// The trips have another price and a later publication time than before.
    Revised,
    /// Only some of the hour's trips are available yet.
    Partial {
        /// How many; 0 for none.
        trips: usize,
    },
    /// The end of the first trips of the response is no time, so that they cannot be loaded.
    Spoiled {
        /// How many.
        trips: usize,
    },
}

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Until the faults are cleared.
    Always,
    /// For the next requests, as many as given.
    Next(u32),
}

/// The faults of each hour (hours since 1970), in the order in which they happen.
#[derive(Debug, Default)]
pub(super) struct Faults {
    queues: Mutex<HashMap<i64, VecDeque<(Fault, Times)>>>,
    requests: Mutex<HashMap<i64, u32>>,
}

impl Faults {
    /// Counts a request for the hour. Returns how many requests there were before it.
    pub(super) fn count_request(&self, hour: i64) -> u32 {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let count = requests.entry(hour).or_default();
        *count += 1;
        *count - 1
    }

    pub(super) fn add(&self, hour: i64, fault: Fault, times: Times) {
        self.queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(hour)
            .or_default()
            .push_back((fault, times));
    }

    pub(super) fn clear(&self) {
        self.queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    pub(super) fn next(&self, hour: i64) -> Option<Fault> {
        let mut faults = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = faults.get_mut(&hour)?;
        loop {
            match queue.front_mut()? {
                (fault, Times::Always) => return Some(fault.clone()),
                (_, Times::Next(0)) => {
                    queue.pop_front();
                }
                (fault, Times::Next(left)) => {
                    *left -= 1;
                    return Some(fault.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
