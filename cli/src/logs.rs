//! Log lines of the command line: text on standard error, around the progress bar.

use std::io::IsTerminal;

use telemetry::LogFormat;

use crate::args::Cli;
use crate::progress::Progress;

/// Starts to write log lines, unless `--no-logs` is given. Without `MDS_LOG`, a terminal shows
/// warnings and errors only, since it shows progress as well.
pub(crate) fn init(cli: &Cli, progress: &Progress) {
    if cli.no_logs {
        return;
    }
    let is_terminal = std::io::stderr().is_terminal();
    let default_level = match cli.command {
        #[cfg(feature = "sandbox")]
        crate::args::Command::Demo(_) => "off",
        _ if is_terminal => "warn",
        _ => "info",
    };
    let format = LogFormat::Text { ansi: is_terminal };
    telemetry::init_logs(format, default_level, progress.clone());
}
