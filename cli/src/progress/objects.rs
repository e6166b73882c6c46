//! Progress of work that consists of objects, whose number is not known before its end.

use std::cell::Cell;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use trips::words::counted;

use super::Progress;

/// How often a pipe or a file gets a line.
const INTERVAL: Duration = Duration::from_secs(10);

impl Progress {
    /// Starts to show the progress of objects: one line that is drawn over and over on a terminal,
    /// a line every ten seconds elsewhere.
    pub(crate) fn start_objects(&self) -> ObjectProgress {
        let is_terminal = io::stderr().is_terminal();
        self.begin("{spinner} {msg}  {elapsed}", None, is_terminal);
        ObjectProgress {
            bar: is_terminal.then(|| self.bar.clone()),
            started: Instant::now(),
            due: Cell::new(INTERVAL),
        }
    }
}

/// Counts objects.
#[derive(Debug)]
pub(crate) struct ObjectProgress {
    /// The bar of a terminal.
    bar: Option<ProgressBar>,
    started: Instant,
    /// When the next line is due, after the start.
    due: Cell<Duration>,
}

impl ObjectProgress {
    /// Shows the number of objects processed.
    pub(crate) fn show(&self, done: u64) {
        let message = format!("{:#}", counted(done, "object"));
        if let Some(bar) = &self.bar {
            bar.set_message(message);
            bar.tick();
            return;
        }
        let elapsed = self.started.elapsed();
        if elapsed >= self.due.get() {
            self.due.set(elapsed + INTERVAL);
            note!("{message} after {:.1} s", elapsed.as_secs_f64());
        }
    }
}
