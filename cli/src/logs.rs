//! Log lines: to standard error, around the progress bar, as JSON where no person reads them.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Cli, Command};
use crate::progress::Progress;

/// `MDS_LOG` sets the level (`info`, `debug`, `pipeline=debug`); a terminal shows warnings unless it is set.
const LEVEL: &str = "MDS_LOG";

/// The crates whose log lines hold no secret and no trip at any level.
const OURS: [&str; 10] = [
    "boundaries",
    "config",
    "local_stack",
    "mds",
    "pipeline",
    "sandbox",
    "socrata",
    "store",
    "trips",
    "vault",
];

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
    let registry = tracing_subscriber::registry().with(filter).with(ours());
    if is_terminal {
        registry.with(lines.compact()).init();
    } else {
        registry.with(lines.json().flatten_event(true)).init();
    }
}

/// Of other crates only warnings, whatever is asked for: what they write below that, requests and statements among it,
/// is not ours to answer for.
fn ours() -> Targets {
    Targets::new()
        .with_default(LevelFilter::WARN)
        .with_targets(OURS.map(|name| (name, LevelFilter::TRACE)))
}
