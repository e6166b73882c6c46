//! What the blocks of a run know together of what they all need: after a few equal failures in a
//! row the run stops trying, and the remaining blocks stay as they are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use trips::status::Step;
use trips::words::counted;

use crate::error::{Dependency, ErrorName, PipelineError};

/// Failures in a row after which the run stops. Each one has waited and retried.
const MAX_FAILURES: u32 = 3;

impl Dependency {
    /// What this error is about, if the next block would meet it too.
    fn of(step: Step, error: &PipelineError) -> Option<Self> {
        if error.refusing().is_some() {
            return error.refusing();
        }
        match (error.name, step) {
            (ErrorName::DatabaseUnavailable, _) => Some(Self::Database),
            (ErrorName::StorageUnavailable, _) => Some(Self::Bucket),
            (
                ErrorName::SocrataUnavailable
                | ErrorName::SocrataThrottled
                | ErrorName::ConfigInvalid,
                Step::SyncSocrata,
            ) => Some(Self::Portal),
            (ErrorName::ConfigInvalid, Step::SyncDb) => Some(Self::Configuration),
            // That of one provider.
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Database => "the database",
            Self::Bucket => "the bucket",
            Self::Portal => "the portal",
            Self::Configuration => "the configuration",
        }
    }
}

/// Why a run has stopped trying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GaveUp {
    /// What cannot be used.
    pub dependency: Dependency,
    /// The error of the last block.
    pub error_name: ErrorName,
    /// Its message.
    pub message: String,
}

impl GaveUp {
    /// Why the run has stopped, and what becomes of the blocks that it has not begun.
    #[must_use]
    pub fn with_rest(&self, not_begun: u64) -> String {
        format!(
            "{self}; {} left as they were, and the same command continues",
            counted(not_begun, "block").with("is", "are")
        )
    }
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.dependency {
            Dependency::Portal => "publishing has stopped",
            _ => "the run has stopped",
        };
        write!(
            f,
            "{what}, since {} cannot be used: {MAX_FAILURES} blocks in a row failed with {}: {}",
            self.dependency.as_str(),
            self.error_name,
            self.message
        )
    }
}

/// What failures in a row have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    about: Dependency,
    /// The only step that may need it, or have the right that it refuses; `None` if a success of
    /// any step ends the row.
    step: Option<Step>,
}

impl Row {
    /// The rows that a failure belongs to. What is away is so for every step, or for one alone: a
    /// database whose disk is full takes no trips, and still answers all others.
    fn of(step: Step, error: &PipelineError) -> Vec<Self> {
        let Some(about) = Dependency::of(step, error) else {
            return Vec::new();
        };
        let of_step = Self {
            about,
            step: Some(step),
        };
        let of_all = Self { about, step: None };
        match error.name {
            ErrorName::DatabaseUnavailable | ErrorName::StorageUnavailable => vec![of_step, of_all],
            _ => vec![of_step],
        }
    }
}

/// The failures in a row.
#[derive(Debug)]
pub(super) struct Health {
    failures: Mutex<BTreeMap<Row, u32>>,
    gave_up: Mutex<Option<GaveUp>>,
    /// Once it is cancelled, no further step begins.
    all: CancellationToken,
    /// Once it is cancelled, the run has given up publishing, also what is under way.
    portal: CancellationToken,
}

impl Health {
    /// A run that stops with `cancel`, too.
    pub(super) fn new(cancel: &CancellationToken) -> Self {
        let all = cancel.child_token();
        Self {
            failures: Mutex::default(),
            gave_up: Mutex::default(),
            portal: CancellationToken::new(),
            all,
        }
    }

    /// A step has used what it needs.
    pub(super) fn succeeded(&self, step: Step) {
        self.failures()
            .retain(|row, _| row.step.is_some_and(|of_row| of_row != step));
    }

    /// Counts a failure that the next block would meet too.
    pub(super) fn failed(&self, step: Step, error: &PipelineError) {
        for row in Row::of(step, error) {
            let count = {
                let mut failures = self.failures();
                let count = failures.entry(row).or_default();
                *count += 1;
                *count
            };
            if count == MAX_FAILURES {
                self.give_up(row.about, error);
                return;
            }
        }
    }

    fn give_up(&self, dependency: Dependency, error: &PipelineError) {
        let gave_up = GaveUp {
            dependency,
            error_name: error.name,
            message: error.message.clone(),
        };
        tracing::error!(
            error.name = %error.name,
            error.message = %error.message,
            "run stops, since what every block needs cannot be used"
        );
        let mut known = self.gave_up.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert(gave_up);
        drop(known);
        self.portal.cancel();
        if dependency != Dependency::Portal {
            self.all.cancel();
        }
    }

    /// Why the run has stopped, if it has.
    pub(super) fn gave_up(&self) -> Option<GaveUp> {
        let known = self.gave_up.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Cancelled once no further step may begin.
    pub(super) fn all(&self) -> &CancellationToken {
        &self.all
    }

    /// Cancelled once the run has given up publishing.
    pub(super) fn portal(&self) -> &CancellationToken {
        &self.portal
    }

    fn failures(&self) -> MutexGuard<'_, BTreeMap<Row, u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
