//! Requests to stop: Ctrl-C at a terminal, SIGTERM in a container or service.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// The exit status of a command that was stopped before its end, by the convention of shells.
pub(crate) const STOPPED: u8 = 130;
/// The same after SIGTERM.
const TERMINATED: u8 = 143;

/// Waits until this process receives SIGINT or SIGTERM. After the first call, these signals no
/// longer end the process by themselves.
///
/// # Errors
///
/// The signal handlers cannot be installed.
pub(crate) async fn stop_requested() -> io::Result<()> {
    stop_status().await.map(|_| ())
}

/// Waits like [`stop_requested`], and returns the exit status of a command that stops for it.
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
