//! Requests to stop: Ctrl-C at a terminal, SIGTERM in a container or service.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// The exit status of a command that was stopped before its end, by the convention of shells.
pub(crate) const STOPPED: u8 = 130;

/// Waits until this process receives SIGINT or SIGTERM. After the first call, these signals no
/// longer end the process by themselves.
///
/// # Errors
///
/// The signal handlers cannot be installed.
pub(crate) async fn stop_requested() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
