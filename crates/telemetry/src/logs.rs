//! The set-up of log lines, for the command line and the functions alike.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::filter::{is_ours, our_lines};
use crate::json::JsonLines;

/// The variables that set the level, in this order: ours, and the one that Lambda sets from a
/// function's logging configuration.
const LEVELS: [&str; 2] = ["MDS_LOG", "AWS_LAMBDA_LOG_LEVEL"];

/// What a log line looks like. Its fields have the same names in either format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Time, level, message and fields as text, for people.
    Text {
        /// Whether the line is coloured with ANSI codes, for a terminal.
        ansi: bool,
    },
    /// One JSON object per line, for CloudWatch.
    Json,
}

/// Starts to write log lines to `writer`. `default_level` applies unless `MDS_LOG` or
/// `AWS_LAMBDA_LOG_LEVEL` sets another, such as `warn` or `warn,pipeline=info`.
///
/// Call it once per process; a later call has no effect.
pub fn init_logs<W>(format: LogFormat, default_level: &str, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (level, refused) = level(default_level);
    let subscriber = filtered(level).with(lines(format, writer));
    // Fails only if the process writes log lines already.
    let _ = subscriber.try_init();
    for variable in refused {
        tracing::warn!(
            config.key = variable,
            "log level is not understood and not used; write one such as warn, or warn,pipeline=info"
        );
    }
}

pub(crate) fn filtered(level: Targets) -> Filtered {
    tracing_subscriber::registry().with(level).with(our_lines())
}

type Filtered = tracing_subscriber::layer::Layered<
    tracing_subscriber::filter::FilterFn,
    tracing_subscriber::layer::Layered<Targets, Registry>,
>;

pub(crate) fn lines<W>(format: LogFormat, writer: W) -> Box<dyn Layer<Filtered> + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer);
    match format {
        LogFormat::Text { ansi } => layer.compact().with_target(false).with_ansi(ansi).boxed(),
        LogFormat::Json => layer
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines)
            .boxed(),
    }
}

/// The level of the first variable that is set and can be read, and the variables before it that
/// cannot.
fn level(default_level: &str) -> (Targets, Vec<&'static str>) {
    let mut refused = Vec::new();
    for name in LEVELS {
        let Some(level) = std::env::var(name).ok().filter(|it| !it.trim().is_empty()) else {
            continue;
        };
        match targets(&level) {
            Some(targets) if is_understood(&level) => return (targets, refused),
            _ => refused.push(name),
        }
    }
    (targets(default_level).unwrap_or_default(), refused)
}

/// The levels by crate. `EnvFilter` could filter by spans and their fields as well, but it brings
/// an engine for regular expressions into each function.
fn targets(level: &str) -> Option<Targets> {
    let parts: Vec<_> = level.split(',').map(str::trim).collect();
    parts.join(",").parse().ok()
}

/// Whether each part is a level or names one of our crates: a misspelled level would be taken for a
/// crate, and hide every line.
fn is_understood(level: &str) -> bool {
    level
        .split(',')
        .map(str::trim)
        .all(|part| part.contains('=') || part.parse::<LevelFilter>().is_ok() || is_ours(part))
}

#[cfg(test)]
mod tests;
