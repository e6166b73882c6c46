//! A summary in one line: what an execution of the state machine fails with.

use std::fmt::{self, Write as _};

use trips::words::counted;

use super::{FailedBlock, FailureGroup, RunSummary, RunTrips};

/// How many groups of failures are explained in the line.
const EXPLAINED: usize = 3;

impl RunSummary {
    /// `run ID: of 10 blocks 2 done, 7 failed`, without what is zero.
    #[must_use]
    pub fn counts(&self) -> String {
        let Some(planned) = self.planned else {
            return format!("run {}: the plan was not completed", self.run_id);
        };
        let mut text = format!(
            "run {}: of {} {} done",
            self.run_id,
            counted(planned, "block"),
            self.done
        );
        for (count, how) in [
            (self.not_ready, "not published by the provider yet"),
            (self.failed, "failed"),
            (self.unfinished, "did not end"),
        ] {
            if count > 0 {
                let _ = write!(text, ", {count} {how}");
            }
        }
        text
    }
}

impl fmt::Display for RunSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.counts())?;
        if self.planned.is_none() {
            return Ok(());
        }
        write!(f, "{}", self.trips)?;
        for (n, block) in self.first_failed.iter().enumerate() {
            f.write_str(if n == 0 { "; failed: " } else { ", " })?;
            write!(f, "{block}")?;
        }
        let not_named = self.failed.saturating_sub(self.first_failed.len() as u64);
        if not_named > 0 && !self.first_failed.is_empty() {
            write!(f, " and {not_named} more")?;
        }
        for group in self.failures.iter().take(EXPLAINED) {
            write!(f, "; {group}")?;
        }
        for (n, block) in self.first_unfinished.iter().enumerate() {
            f.write_str(if n == 0 { "; did not end: " } else { ", " })?;
            write!(f, "{} {}", block.provider, block.label)?;
        }
        Ok(())
    }
}

/// `; 59 trips fetched = 57 loaded + 2 rejected`, without what is zero.
impl fmt::Display for RunTrips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.trips_fetched > 0 {
            write!(
                f,
                "; {} fetched = {} loaded",
                counted(self.trips_fetched, "trip"),
                self.trips_loaded
            )?;
            for (count, how) in [
                (self.trips_rejected, "rejected"),
                (self.trips_duplicates, "duplicates"),
            ] {
                if count > 0 {
                    write!(f, " + {count} {how}")?;
                }
            }
        } else if self.trips_archived > 0 {
            write!(f, "; {} archived", counted(self.trips_archived, "trip"))?;
        }
        Ok(())
    }
}

impl FailureGroup {
    /// How many blocks have failed, in which step, and why.
    #[must_use]
    pub fn reason(&self) -> String {
        let mut text = format!(
            "{} of {}, {} ({})",
            counted(self.blocks, "block"),
            self.provider,
            self.step,
            self.error_name.as_deref().unwrap_or("no reason recorded")
        );
        if let Some(message) = &self.message {
            let _ = write!(text, ": {message}");
        }
        text
    }
}

/// The reason of a failure, and the way out.
impl fmt::Display for FailureGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (again: {})", self.reason(), self.command)
    }
}

impl fmt::Display for FailedBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} ({})",
            self.provider,
            self.label,
            self.step,
            self.error_name.as_deref().unwrap_or("no reason recorded"),
        )
    }
}
