//! Log lines: to standard error, around the progress bar, as JSON where no person reads them.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Cli, Command};
use crate::progress::Progress;

/// `MDS_LOG` sets the level (`info`, `debug`, `pipeline=debug`); a terminal shows warnings unless
/// it is set.
const LEVEL: &str = "MDS_LOG";

pub(crate) fn init(cli: &Cli, progress: &Progress) {
    if cli.no_logs {
        return;
    }
    let is_terminal = std::io::stderr().is_terminal();
    let default = match cli.command {
        Command::Demo(_) => "off",
        _ if is_terminal => "warn",
        _ => "info",
    };
    let filter = EnvFilter::try_from_env(LEVEL).unwrap_or_else(|_| EnvFilter::new(default));
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_writer(progress.clone());
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(telemetry::our_lines());
    if is_terminal {
        registry.with(lines.compact()).init();
    } else {
        registry.with(lines.json().flatten_event(true)).init();
    }
}
