//! Requests to stop: Ctrl-C at a terminal, SIGTERM in a container or service.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit status of a command that was stopped before its end, by the convention of shells.
pub(crate) const STOPPED: u8 = 130;
/// The same after SIGTERM.
const TERMINATED: u8 = 143;

/// Waits until this process receives SIGINT or SIGTERM, and returns the exit status of a command
/// that stops for it. After the first call, these signals no longer end the process by themselves.
///
/// # Errors
///
/// The signal handlers cannot be installed.
pub(crate) async fn stop_status() -> io::Result<u8> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| STOPPED),
        _ = terminate.recv() => Ok(TERMINATED),
    }
}

/// Does the work of a command that can be dropped at any time, and ends it at the first signal.
pub(crate) fn until_stopped(
    work: impl Future<Output = anyhow::Result<ExitCode>>,
) -> impl Future<Output = anyhow::Result<ExitCode>> {
    // The work of a command is a large future.
    let work = Box::pin(work);
    async {
        tokio::select! {
            // Polled first, so that a signal is caught before there is anything to clean up.
            biased;
            stopped = stop_status() => {
                let status = stopped?;
                say("stopped");
                Ok(ExitCode::from(status))
            }
            ended = work => ended,
        }
    }
}

/// Says that a signal has come. On a terminal it stands on a line of its own, below a question, a
/// bar or the `^C` of the terminal.
pub(crate) fn say(text: &str) {
    let before = if io::stderr().is_terminal() { "\n" } else { "" };
    note!("{before}{text}");
}

/// A request to stop that ends a command in steps: what is under way ends first, and a second
/// signal ends the process at once.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    cancel: CancellationToken,
    /// The exit status, 0 before the first signal.
    status: Arc<AtomicU8>,
    /// Whether steps are under way, which end first.
    is_at_work: Arc<AtomicBool>,
}

impl Stop {
    /// Begins to listen. `note` is written at the first signal if work is under way by then.
    pub(crate) fn listen(note: &'static str) -> Self {
        let stop = Self {
            cancel: CancellationToken::new(),
            status: Arc::default(),
            is_at_work: Arc::default(),
        };
        let listener = stop.clone();
        tokio::spawn(async move {
            let Ok(status) = stop_status().await else {
                return;
            };
            listener.status.store(status, Ordering::Relaxed);
            listener.cancel.cancel();
            if listener.is_at_work.load(Ordering::Relaxed) {
                say(note);
            }
            if let Ok(status) = stop_status().await {
                // Equivalent to `kill -9`: the next run resumes from the same state.
                std::process::exit(status.into());
            }
        });
        stop
    }

    /// From now on, work has to end before the command does.
    pub(crate) fn work_begins(&self) {
        self.is_at_work.store(true, Ordering::Relaxed);
    }

    /// Cancelled at the first signal.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.cancel
    }

    /// The exit status of the command, if it was asked to stop.
    pub(crate) fn status(&self) -> Option<u8> {
        match self.status.load(Ordering::Relaxed) {
            0 => None,
            status => Some(status),
        }
    }

    /// Does work that can be dropped at any time; `None` if a signal came first.
    pub(crate) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.cancel.run_until_cancelled(work).await
    }
}
