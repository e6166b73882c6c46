//! What can go wrong with an upload.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One upload that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The upload is refused with this status; nothing is applied.
    Status {
        /// For instance 429 or 503.
        status: u16,
        /// The seconds of a `Retry-After`.
        retry_after: Option<u64>,
    },
    /// The last rows of the upload are refused, in a 200 that counts them as `Errors`.
    ErrorsIn200 {
        /// How many rows, at most as many as the upload has.
        rows: usize,
    },
    /// The connection closes without an answer.
    DropConnection {
        /// Whether the rows are applied all the same.
        applied: bool,
    },
    /// The answer takes this long; the dataset stays locked meanwhile.
    Slow(Duration),
    /// 202 with a ticket; the rows are applied.
    Accepted202 {
        /// How often the ticket is answered with 202 before the counts come.
        polls: u32,
    },
    /// A 200 with a page of HTML, as a proxy may give; nothing is applied.
    HtmlPage200,
}

/// Faults in waiting, one for each upload to come.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    pub(super) fn push(&self, fault: Fault) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(fault);
    }

    pub(super) fn next(&self) -> Option<Fault> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    pub(super) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
