//! Whose log lines are written.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterFn, filter_fn};

/// The workspace's crates. Their log lines contain no secret and no trip at any level.
const OURS: &[&str] = &[
    "bench",
    "boundaries",
    "config",
    "extract",
    "fuzz_targets",
    "http_kit",
    "lambda_kit",
    "local_stack",
    "mds",
    "mds_cli",
    "mds_client",
    "pages",
    "pipeline",
    "plan_blocks",
    "roots",
    "sandbox_lambda",
    "sandbox_network",
    "sandbox_portal",
    "sandbox_postgres",
    "sandbox_provider",
    "sandbox_s3",
    "sandbox_server",
    "socrata",
    "store",
    "sync_db",
    "sync_socrata",
    "telemetry",
    "trips",
    "vault",
];

/// It writes its errors as debug output of several lines. Our own errors say the same in words.
const SILENT: &str = "aws_config";

/// Passes our own lines at every level, and warnings of other crates: their lower levels may print
/// requests and SQL.
///
/// A crate's whole name must match, since `config` is the start of other crates' names.
pub(crate) fn our_lines() -> FilterFn {
    filter_fn(|line| {
        let target = line.target();
        is_ours(target) || (*line.level() <= LevelFilter::WARN && krate(target) != SILENT)
    })
}

pub(crate) fn is_ours(target: &str) -> bool {
    OURS.contains(&krate(target))
}

fn krate(target: &str) -> &str {
    target.split("::").next().unwrap_or(target)
}

#[cfg(test)]
mod tests;
