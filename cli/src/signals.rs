//! Being asked to stop: by Ctrl-C, or by SIGTERM as containers and services are.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// The exit status of a command that was stopped before its end, as shells have it.
pub(crate) const STOPPED: u8 = 130;

/// Waits until this process is asked to stop. From the first call on it no longer ends by itself
/// when asked.
///
/// # Errors
///
/// The system does not let this process listen.
pub(crate) async fn asked_to_stop() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
