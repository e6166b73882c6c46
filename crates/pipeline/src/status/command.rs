//! Commands that a person can run as they are printed.

use chrono::SecondsFormat;
use trips::block::{Hour, ProviderName};
use trips::time::CivilZone;

/// The end of an hour as a command takes it: the label, or, for the second of two hours with the
/// same name, the instant.
pub(super) fn hour_argument(zone: &CivilZone, hour: Hour) -> String {
    let label = hour.label(zone);
    if label.ends_with('b') {
        return hour.end().to_rfc3339_opts(SecondsFormat::Secs, true);
    }
    label
}

/// The command that does the hours from `first` to `last` again.
pub(super) fn run_command(
    zone: &CivilZone,
    provider: &ProviderName,
    first: Hour,
    last: Hour,
) -> String {
    let end = hour_argument(zone, last);
    let range = if first == last {
        format!("--time-max {end}")
    } else {
        let start = hour_argument(zone, first.previous());
        format!("--time-min {start} --time-max {end}")
    };
    format!("mds run --provider {provider} {range} --incomplete-only")
}

#[cfg(test)]
mod tests;
