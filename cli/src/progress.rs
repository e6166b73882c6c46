//! Progress of a run: a bar on a terminal, a line every ten seconds elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;
use trips::words::counted;

mod blocks;
mod objects;

pub(crate) use blocks::BlockProgress;

/// Before this share of the blocks, and before this time, nobody can tell how long the rest takes.
const TELLING_SHARE: f32 = 0.03;
const TELLING_TIME: Duration = Duration::from_secs(5);

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
        let is_terminal = io::stderr().is_terminal();
        self.begin(
            "{bar:20} {pos}/{len} blocks  {elapsed}{left}  {wide_msg}",
            Some(blocks),
            is_terminal,
        );
        Arc::new(BlockProgress::new(
            self.bar.clone(),
            (!is_terminal).then_some(blocks),
        ))
    }

    /// Shows the progress of a run in another process.
    pub(crate) fn elsewhere(&self, ended: u64, blocks: u64, message: String) {
        if !io::stderr().is_terminal() {
            note!("{ended}/{}: {message}", counted(blocks, "block"));
            return;
        }
        if self.bar.is_hidden() {
            self.begin(
                "{bar:20} {pos}/{len} blocks  {elapsed}  {wide_msg}",
                Some(blocks),
                true,
            );
        }
        self.bar.set_length(blocks);
        self.bar.set_position(ended);
        self.bar.set_message(message);
    }

    /// Writes a line above the bar.
    pub(crate) fn note(&self, line: &str) {
        self.bar.suspend(|| note!("{line}"));
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
    }

    /// Makes a new bar of the old one, of which nothing is seen any more.
    fn begin(&self, template: &str, length: Option<u64>, is_visible: bool) {
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
        self.bar.reset();
        self.bar.set_message("");
        if let Some(length) = length {
            self.bar.set_length(length);
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.with_key("left", write_left));
        }
        if is_visible {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

/// Writes how long the rest takes, as soon as that can be told.
fn write_left(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    if state.fraction() < TELLING_SHARE || state.elapsed() < TELLING_TIME {
        return;
    }
    let left = Duration::from_secs(state.eta().as_secs());
    let _ = write!(out, " (about {:#} left)", indicatif::HumanDuration(left));
}

impl<'w> MakeWriter<'w> for Progress {
    type Writer = SuspendingWriter;

    fn make_writer(&'w self) -> Self::Writer {
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
