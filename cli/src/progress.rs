//! Progress of a run: a bar on a terminal, a line every ten seconds elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pipeline::{BlockOutcome, RunObserver};
use tracing_subscriber::fmt::MakeWriter;

/// The progress bar of this process. It is hidden while a log line is written.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        }
    }

    /// Starts to show the progress of `blocks` blocks.
    pub(crate) fn start(&self, blocks: u64) -> Arc<BlockProgress> {
        self.bar.reset();
        self.bar.set_length(blocks);
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:32} {pos}/{len} blocks  {msg}  {elapsed} (about {eta} left)",
        ) {
            self.bar.set_style(style);
        }
        let is_terminal = io::stderr().is_terminal();
        if is_terminal {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        Arc::new(BlockProgress {
            bar: self.bar.clone(),
            lines: (!is_terminal).then(|| Lines::new(blocks)),
            failed: AtomicU64::default(),
            not_ready: AtomicU64::default(),
            trips: AtomicU64::default(),
        })
    }

    /// Shows the number of objects processed, for work that does not consist of blocks.
    pub(crate) fn objects(&self, done: u64) {
        if io::stderr().is_terminal() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.set_position(done);
            self.bar.set_message(format!("{done} objects"));
        }
    }

    /// Shows the progress of a run in another process.
    pub(crate) fn elsewhere(&self, ended: u64, blocks: u64, message: String) {
        if !io::stderr().is_terminal() {
            eprintln!("{ended}/{blocks} blocks: {message}");
            return;
        }
        if let Ok(style) =
            ProgressStyle::with_template("{bar:32} {pos}/{len} blocks  {msg}  {elapsed}")
        {
            self.bar.set_style(style);
        }
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.set_length(blocks);
        self.bar.set_position(ended);
        self.bar.set_message(message);
    }

    /// Writes a line above the bar.
    pub(crate) fn note(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl<'a> MakeWriter<'a> for Progress {
    type Writer = SuspendingWriter;

    fn make_writer(&'a self) -> SuspendingWriter {
        SuspendingWriter(self.bar.clone())
    }
}

/// Standard error; hides the bar while a line is written.
pub(crate) struct SuspendingWriter(ProgressBar);

impl Write for SuspendingWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Counts blocks as they end.
#[derive(Debug)]
pub(crate) struct BlockProgress {
    bar: ProgressBar,
    lines: Option<Lines>,
    failed: AtomicU64,
    not_ready: AtomicU64,
    trips: AtomicU64,
}

impl RunObserver for BlockProgress {
    fn block_ended(&self, outcome: &BlockOutcome) {
        match outcome {
            BlockOutcome::Done(item) => {
                let loaded = item.sync_db.as_ref().map_or(0, |done| done.loaded);
                self.trips.fetch_add(loaded, Ordering::Relaxed);
            }
            BlockOutcome::NotReady(..) => {
                self.not_ready.fetch_add(1, Ordering::Relaxed);
            }
            BlockOutcome::Failed(..) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
            BlockOutcome::Cancelled(_) => {}
        }
        let message = format!(
            "{} trips, {} failed, {} not ready",
            self.trips.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
            self.not_ready.load(Ordering::Relaxed)
        );
        if let Some(lines) = &self.lines {
            lines.print(&message);
        }
        self.bar.set_message(message);
        self.bar.inc(1);
    }
}

/// Plain lines for a log file: one for the first block, one every ten seconds, one for the last.
#[derive(Debug)]
struct Lines {
    blocks: u64,
    ended: AtomicU64,
    started: Instant,
    next_ms: AtomicU64,
}

impl Lines {
    const INTERVAL: Duration = Duration::from_secs(10);

    fn new(blocks: u64) -> Self {
        Self {
            blocks,
            ended: AtomicU64::default(),
            started: Instant::now(),
            next_ms: AtomicU64::default(),
        }
    }

    fn print(&self, message: &str) {
        let ended = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
        let elapsed = millis(self.started.elapsed());
        let due = self.next_ms.load(Ordering::Relaxed);
        if ended < self.blocks && elapsed < due {
            return;
        }
        self.next_ms
            .store(elapsed + millis(Self::INTERVAL), Ordering::Relaxed);
        eprintln!(
            "{ended}/{} blocks after {:.1} s: {message}",
            self.blocks,
            self.started.elapsed().as_secs_f64()
        );
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
