//! The page of the monthly report.

use ::trips::time::CivilZone;
use ::trips::words::{counted, grouped};
use askama::Template;
use chrono::{DateTime, Utc};
use pipeline::{TripFigures, TripReport};

use crate::{PageError, month_name};

/// Writes the page of a monthly report. Times on it are civil times of the city.
///
/// # Errors
///
/// [`PageError`] if the template fails.
pub fn trips(report: &TripReport, zone: &CivilZone) -> Result<String, PageError> {
    let page = Page {
        title: format!("Trips of {}", month_name(report.month)),
        report,
        zone,
        rows: rows(report),
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "trips.html")]
struct Page<'a> {
    title: String,
    report: &'a TripReport,
    zone: &'a CivilZone,
    rows: Vec<Row<'a>>,
}

impl Page<'_> {
    fn time(&self, instant: &DateTime<Utc>) -> String {
        self.zone
            .civil(*instant)
            .format("%Y-%m-%d %H:%M")
            .to_string()
    }

    fn day(&self, instant: &DateTime<Utc>) -> String {
        self.zone.civil(*instant).format("%Y-%m-%d").to_string()
    }

    fn number(&self, number: &u64) -> String {
        grouped(number)
    }

    fn more_or_fewer(&self, trips: &i64) -> String {
        match trips {
            0 => "as many trips as then".to_owned(),
            more @ 1.. => format!("{:#} more", counted(*more, "trip")),
            fewer => format!("{:#} fewer", counted(fewer.unsigned_abs(), "trip")),
        }
    }
}

/// A line of the table: a provider, one of its types of vehicle, or all.
struct Row<'a> {
    name: &'a str,
    kind: &'static str,
    cells: [String; 11],
}

fn rows(report: &TripReport) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for provider in &report.providers {
        rows.push(Row::new(&provider.provider, "provider", &provider.figures));
        if provider.vehicle_types.len() > 1 {
            for kind in &provider.vehicle_types {
                let name = kind.vehicle_type.as_deref().unwrap_or("unknown type");
                rows.push(Row::new(name, "kind", &kind.figures));
            }
        }
    }
    if report.providers.len() > 1 {
        rows.push(Row::new("All providers", "all", &report.total));
    }
    rows
}

impl<'a> Row<'a> {
    fn new(name: &'a str, kind: &'static str, figures: &TripFigures) -> Self {
        Self {
            name,
            kind,
            cells: [
                grouped(figures.trips),
                grouped(figures.trips_after_filters),
                grouped(format!("{:.2}", figures.miles)),
                format!("{:.2}", figures.average_miles),
                format!("{:.2}", figures.average_minutes),
                grouped(figures.zero_distance),
                grouped(figures.long_distance),
                grouped(figures.long_duration),
                grouped(figures.not_a_rider_trip),
                grouped(figures.overlapping),
                grouped(figures.withdrawn),
            ],
        }
    }
}
