//! `mds report trips`: the trips of a month.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pipeline::{Context, ProviderTrips, ReportFilters, TripFigures, TripReport, TripReportRequest};
use trips::words::{counted, grouped};

use crate::args::TripsArgs;
use crate::commands::connect;
use crate::failure::{FAILED, usage};
use crate::output;
use crate::table::table;

mod csv;

pub(super) async fn trips(args: &TripsArgs, json: bool) -> anyhow::Result<ExitCode> {
    if json && (args.csv.is_some() || args.html.is_some()) {
        return Err(usage("--json, --csv and --html exclude each other"));
    }
    if args.min_miles > args.max_miles {
        return Err(usage(
            "--min-miles is more than --max-miles: no trip would count",
        ));
    }
    let ctx = connect::context(None).await?;
    let request = TripReportRequest {
        month: args.month,
        filters: args.filters(),
        since: args
            .since
            .as_deref()
            .map(|text| since(&ctx, text))
            .transpose()?,
    };
    let report = pipeline::trip_report(&ctx, request).await?;
    if report.providers.is_empty() {
        return Err(usage(format!(
            "no trip that is loaded ended in {}, and no hour of it is planned",
            args.month
        )));
    }
    write(args, &ctx, &report, json)?;
    if !args.no_record
        && let Err(error) = pipeline::record_trip_report(&ctx, &report).await
    {
        note!("the report is not recorded, so the next one cannot be compared with it: {error:#}");
    }
    let odd_providers = pipeline::odd_providers(&ctx).await?;
    for odd in &odd_providers {
        note!("{odd}");
    }
    Ok(if odd_providers.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

fn since(ctx: &Context, text: &str) -> anyhow::Result<DateTime<Utc>> {
    let time = ctx.zone().parse_day_or_instant(text);
    time.map_err(|error| usage(format!("--since: {error}")))
}

fn write(args: &TripsArgs, ctx: &Context, report: &TripReport, json: bool) -> anyhow::Result<()> {
    if let Some(file) = &args.csv {
        return output::write(file, csv::csv(report)?.as_bytes());
    }
    if let Some(file) = &args.html {
        return output::write(file, pages::trips(report, ctx.zone())?.as_bytes());
    }
    if json {
        return output::json(report);
    }
    print(args, report, ctx)
}

fn print(args: &TripsArgs, report: &TripReport, ctx: &Context) -> anyhow::Result<()> {
    let mut out = Vec::new();
    writeln!(
        out,
        "Trips that ended in {}, civil time of {}; made at {}",
        pages::month_name(report.month),
        report.time_zone,
        minute(ctx, report.made_at)
    )?;
    writeln!(out, "{}", figures_table(report, ctx))?;
    writeln!(out, "{}", explanation(report.filters))?;
    for provider in &report.providers {
        write_gaps(&mut out, provider, report)?;
    }
    write_comparison(&mut out, args, report, ctx)?;
    output::write(Path::new(output::STANDARD), &out)
}

fn figures_table(report: &TripReport, ctx: &Context) -> Table {
    let heading = [
        "provider",
        "trips",
        "counted",
        "miles",
        "avg. miles",
        "avg. min.",
        "zero",
        "long",
        "overlap",
        "withdrawn",
        "hours",
        "received",
    ];
    let mut rows = table(&heading, 1);
    for provider in &report.providers {
        let mut cells = figure_cells(&provider.provider, &provider.figures);
        cells.push(format!("{}/{}", provider.hours_loaded, provider.hours_due));
        cells.push(day(ctx, provider.received_at));
        rows.add_row(cells);
        for kind in provider
            .vehicle_types
            .iter()
            .filter(|_| provider.vehicle_types.len() > 1)
        {
            let name = kind.vehicle_type.as_deref().unwrap_or("unknown type");
            rows.add_row(figure_cells(&format!("  {name}"), &kind.figures));
        }
    }
    if report.providers.len() > 1 {
        rows.add_row(figure_cells("all", &report.total));
    }
    rows
}

/// Says which hours of the month a provider's figures lack.
fn write_gaps(
    out: &mut Vec<u8>,
    provider: &ProviderTrips,
    report: &TripReport,
) -> std::io::Result<()> {
    if provider.hours_left_out() > 0 {
        writeln!(
            out,
            "{} is disabled: {} of {} of the month were never requested, so trips may be missing",
            provider.provider,
            provider.hours_left_out(),
            counted(provider.hours_due, "hour"),
        )?;
    }
    if let Some(first) = &provider.first_hour {
        writeln!(
            out,
            "{}: its first hour is {first}, the month has {}",
            provider.provider,
            counted(report.month_hours, "hour")
        )?;
    }
    if provider.hours_not_loaded() > 0 {
        writeln!(
            out,
            "{}: {} of {}, so trips are missing; see `mds status --provider {} --since {}`",
            provider.provider,
            provider.hours_not_loaded(),
            counted(provider.hours_due, "hour").with("is not loaded", "are not loaded"),
            provider.provider,
            report.month.first_day()
        )?;
    }
    Ok(())
}

/// Says what has changed since an earlier report.
fn write_comparison(
    out: &mut Vec<u8>,
    args: &TripsArgs,
    report: &TripReport,
    ctx: &Context,
) -> std::io::Result<()> {
    match (report.compared_with, args.since.as_deref()) {
        (Some(time), _) => {
            writeln!(out, "Since the report of {}:", minute(ctx, time))?;
            for provider in &report.providers {
                writeln!(out, "  {}", since_line(provider))?;
            }
            Ok(())
        }
        (None, Some(since)) => writeln!(
            out,
            "No report of this month was made before {since}, so there is none to compare with."
        ),
        (None, None) => writeln!(
            out,
            "There is no earlier report of this month to compare with."
        ),
    }
}

fn figure_cells(name: &str, figures: &TripFigures) -> Vec<String> {
    vec![
        name.to_owned(),
        grouped(figures.trips),
        grouped(figures.trips_after_filters),
        grouped(format!("{:.2}", figures.miles)),
        format!("{:.2}", figures.average_miles),
        format!("{:.2}", figures.average_minutes),
        grouped(figures.zero_distance),
        grouped(figures.long_distance),
        grouped(figures.overlapping),
        grouped(figures.withdrawn),
    ]
}

fn explanation(filters: ReportFilters) -> String {
    let riders = if filters.riders_only {
        ", and with a rider"
    } else {
        ""
    };
    format!(
        "Counted are trips of {} to {} miles and at most {} hours{riders}; miles and averages are theirs. Withdrawn trips are \
         in no other column. A trip overlaps if an earlier one of its device had not ended.",
        filters.min_miles, filters.max_miles, filters.max_hours
    )
}

fn since_line(provider: &ProviderTrips) -> String {
    match provider.since {
        None => provider.provider.clone(),
        Some(since) if since.arrived_or_corrected + since.withdrawn == 0 && since.trips == 0 => {
            format!("{}: no change", provider.provider)
        }
        Some(since) => format!(
            "{}: {:#} arrived or corrected, {} withdrawn; {:+} {}{}",
            provider.provider,
            counted(since.arrived_or_corrected, "trip"),
            grouped(since.withdrawn),
            since.trips,
            if since.trips.unsigned_abs() == 1 {
                "trip"
            } else {
                "trips"
            },
            since
                .trips_after_filters
                .map_or(String::new(), |counted| format!(
                    ", {counted:+} after the filters"
                ))
        ),
    }
}

fn day(ctx: &Context, time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(String::new, |time| {
        ctx.zone().civil(time).format("%Y-%m-%d").to_string()
    })
}

fn minute(ctx: &Context, time: DateTime<Utc>) -> String {
    ctx.zone().civil(time).format("%Y-%m-%d %H:%M").to_string()
}
