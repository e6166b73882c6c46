//! Counts blocks as they end.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use pipeline::{BlockOutcome, RunObserver};
use trips::words::counted;

/// How often a line is written where there is no bar.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The blocks of a run so far, on a bar or in lines.
#[derive(Debug)]
pub(crate) struct BlockProgress {
    bar: ProgressBar,
    counts: Mutex<Counts>,
    lines: Option<Mutex<Lines>>,
}

/// What has happened to the blocks that have ended. Those that were not begun are none of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    ended: u64,
    failed: u64,
    not_ready: u64,
    loaded: u64,
    published: u64,
}

impl Counts {
    fn add(&mut self, outcome: &BlockOutcome) {
        match outcome {
            BlockOutcome::Done(item) => {
                self.loaded += item.sync_db.as_ref().map_or(0, |done| done.loaded);
                if item.sync_db.is_none() {
                    let sent = item.sync_socrata.as_ref();
                    self.published += sent.map_or(0, |done| done.created + done.updated);
                }
            }
            BlockOutcome::NotReady(..) => self.not_ready += 1,
            BlockOutcome::Failed(..) => self.failed += 1,
            BlockOutcome::Cancelled(_) => return,
        }
        self.ended += 1;
    }
}

/// `1903 trips, 2 failed`, without what is zero.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.published > 0 && self.loaded == 0 {
            write!(f, "{} published", counted(self.published, "trip"))?;
        } else {
            write!(f, "{}", counted(self.loaded, "trip"))?;
        }
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        if self.not_ready > 0 {
            write!(f, ", {} not published yet", self.not_ready)?;
        }
        Ok(())
    }
}

/// Plain lines for a log file: one for the first block, one every ten seconds, one in the end.
#[derive(Debug)]
struct Lines {
    blocks: u64,
    started: Instant,
    next: Duration,
    written: Option<u64>,
}

impl Lines {
    fn write(&mut self, counts: Counts) {
        if self.written == Some(counts.ended) {
            return;
        }
        let elapsed = self.started.elapsed();
        self.next = elapsed + LINE_INTERVAL;
        self.written = Some(counts.ended);
        note!(
            "{}/{} after {:.1} s: {counts}",
            counts.ended,
            counted(self.blocks, "block"),
            elapsed.as_secs_f64()
        );
    }
}

impl BlockProgress {
    /// With `lines_of`, the number of blocks, it writes lines and leaves the bar alone.
    pub(super) fn new(bar: ProgressBar, lines_of: Option<u64>) -> Self {
        Self {
            bar,
            counts: Mutex::default(),
            lines: lines_of.map(|blocks| {
                Mutex::new(Lines {
                    blocks,
                    started: Instant::now(),
                    next: Duration::ZERO,
                    written: None,
                })
            }),
        }
    }

    /// Writes the last line, also for a run that was stopped.
    pub(crate) fn end(&self) {
        let counts = *locked(&self.counts);
        if let Some(lines) = self.lines.as_ref().filter(|_| counts.ended > 0) {
            locked(lines).write(counts);
        }
    }
}

impl RunObserver for BlockProgress {
    fn block_ended(&self, outcome: &BlockOutcome) {
        if matches!(outcome, BlockOutcome::Cancelled(_)) {
            return;
        }
        let counts = {
            let mut counts = locked(&self.counts);
            counts.add(outcome);
            *counts
        };
        if let Some(lines) = &self.lines {
            let mut lines = locked(lines);
            if lines.started.elapsed() >= lines.next {
                lines.write(counts);
            }
            return;
        }
        self.bar.set_message(counts.to_string());
        self.bar.set_position(counts.ended);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
