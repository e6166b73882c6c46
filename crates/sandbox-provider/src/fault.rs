//! What can go wrong with the answer for an hour.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What goes wrong. Where a request spans several hours, its last one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The hour is not ready: 404 up to 1.1, 102 in 1.2, an empty list before 0.4. After the 102
    /// the connection closes, since no final answer follows.
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
    /// The connection closes amid the body.
    DropConnection,
    /// The body ends in the middle, though the connection says that it is whole.
    TruncatedJson,
    /// A 200 whose body is an error object.
    ErrorObject200,
    /// A 200 whose body is a page of HTML.
    HtmlPage200,
    /// The answer comes this much later.
    Slow(Duration),
    /// The answer stops in the middle of its body, and goes on this much later.
    Stall(Duration),
    /// The trips have another price than before, and were published later.
    Revised,
    /// Only so many of the hour's trips are there yet.
    Partial {
        /// 0 for none.
        trips: usize,
    },
}

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Until the faults are cleared.
    Always,
    /// The next so many requests.
    Next(u32),
}

/// Faults by hour (hours since 1970), the first of an hour's queue being the next to happen.
#[derive(Debug, Default)]
pub(super) struct Faults {
    queues: Mutex<HashMap<i64, VecDeque<(Fault, Times)>>>,
    visits: Mutex<HashMap<i64, u32>>,
}

impl Faults {
    /// How many requests there were for the hour before this one.
    pub(super) fn visit(&self, hour: i64) -> u32 {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let visit = visits.entry(hour).or_default();
        *visit += 1;
        *visit - 1
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
