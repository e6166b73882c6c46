//! Faults of uploads.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What goes wrong with an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The upload is refused with this status. No row is applied.
    Status {
        /// For instance 429 or 503.
        status: u16,
        /// The seconds of a `Retry-After`.
        retry_after: Option<u64>,
    },
    /// The last rows of the upload are refused. The status is 200, and `Errors` counts them.
    ErrorsIn200 {
        /// How many rows, at most all of the upload.
        rows: usize,
    },
    /// The last rows of the upload are lost. The status is 200, and no count speaks of them.
    LosesRows {
        /// How many rows, at most all of the upload.
        rows: usize,
    },
    /// The rows are applied, but every count of the response is 0.
    ZeroCounts,
    /// The connection closes without a response.
    DropConnection {
        /// Whether the rows are applied.
        applied: bool,
    },
    /// The response takes this long. The dataset is locked meanwhile.
    Slow(Duration),
    /// The response is a 202 with a ticket. The rows are applied.
    Accepted202 {
        /// How many requests for the ticket get another 202 before one gets the counts.
        polls: u32,
    },
    /// The response is a 200 with a page of HTML, as a proxy may send. No row is applied.
    HtmlPage200,
}

/// Rows that are refused, whatever upload they come in: those of which this column begins so.
#[derive(Clone, Debug)]
pub(super) struct RefusedRows {
    pub(super) column: String,
    pub(super) prefix: String,
}

/// The faults of the next uploads, one for each.
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
