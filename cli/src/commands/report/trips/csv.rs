//! The report as lines for a spreadsheet.

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use pipeline::{ProviderTrips, TripFigures, TripReport};

/// One line for each provider and type of vehicle, which can be summed up, with the figures as they
/// are in the JSON, and the filters, so that a file says what it counts.
pub(super) fn csv(report: &TripReport) -> anyhow::Result<String> {
    let mut lines = ::csv::Writer::from_writer(Vec::new());
    lines.write_record([
        "month",
        "provider",
        "vehicle_type",
        "trips",
        "trips_after_filters",
        "miles",
        "average_miles",
        "average_minutes",
        "zero_distance",
        "long_distance",
        "long_duration",
        "not_a_rider_trip",
        "overlapping",
        "withdrawn",
        "hours_loaded",
        "hours",
        "received_at",
        "made_at",
        "min_miles",
        "max_miles",
        "max_hours",
        "riders_only",
        "hours_due",
    ])?;
    for provider in &report.providers {
        for (kind, figures) in rows_of(provider) {
            lines.write_record([
                report.month.to_string(),
                harmless(&provider.provider),
                kind,
                figures.trips.to_string(),
                figures.trips_after_filters.to_string(),
                format!("{:.2}", figures.miles),
                format!("{:.2}", figures.average_miles),
                format!("{:.2}", figures.average_minutes),
                figures.zero_distance.to_string(),
                figures.long_distance.to_string(),
                figures.long_duration.to_string(),
                figures.not_a_rider_trip.to_string(),
                figures.overlapping.to_string(),
                figures.withdrawn.to_string(),
                provider.hours_loaded.to_string(),
                report.hours.to_string(),
                provider.received_at.map(iso).unwrap_or_default(),
                iso(report.made_at),
                report.filters.min_miles.to_string(),
                report.filters.max_miles.to_string(),
                report.filters.max_hours.to_string(),
                report.filters.riders_only.to_string(),
                provider.hours_due.to_string(),
            ])?;
        }
    }
    let bytes = lines
        .into_inner()
        .context("the lines could not be written")?;
    Ok(String::from_utf8(bytes)?)
}

/// A name of a feed as spreadsheets show it. They take a cell that begins with one of these for a
/// formula, and reckon it.
fn harmless(name: &str) -> String {
    let is_formula = name.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if is_formula { "'" } else { "" };
    format!("{mark}{name}")
}

fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A provider without a trip has one line too.
fn rows_of(provider: &ProviderTrips) -> Vec<(String, TripFigures)> {
    if provider.vehicle_types.is_empty() {
        return vec![(String::new(), provider.figures)];
    }
    let types = provider.vehicle_types.iter();
    types
        .map(|kind| (kind.vehicle_type.clone().unwrap_or_default(), kind.figures))
        .collect()
}

#[cfg(test)]
mod tests;
