//! `mds report privacy`: published rows that only one trip can be behind.

use std::process::ExitCode;

use pipeline::{MonthPrivacy, PrivacyReport};
use trips::time::Month;

use crate::commands::connect;
use crate::failure;
use crate::output;
use crate::table::table;

pub(super) async fn privacy(month: Option<Month>, json: bool) -> anyhow::Result<ExitCode> {
    let ctx = connect::context(None).await?;
    let report = pipeline::privacy_report(&ctx, month).await?;
    if report.months.is_empty() {
        return Err(failure::usage(match month {
            Some(month) => format!("no trip that is loaded ended in {month}"),
            None => "no trip is loaded".to_owned(),
        }));
    }
    if json {
        output::json(&report)?;
    } else {
        print(&report)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(report: &PrivacyReport) -> anyhow::Result<()> {
    let published = match report.time_rounding_minutes {
        0 => "alone, exact times".to_owned(),
        minutes => format!("alone, {minutes} minutes"),
    };
    let heading = ["month", "rows", &published, "%", "alone, 15 minutes", "%"];
    let mut rows = table(&heading, 1);
    for month in &report.months {
        rows.add_row(cells(month.month.to_string(), month));
    }
    output::text(&rows)?;
    output::text(
        "A row is alone if no other has its pair of tracts, its start and its end: who knows that of a trip knows which row it \
         is.",
    )
}

fn cells(name: String, month: &MonthPrivacy) -> [String; 6] {
    [
        name,
        month.rows.to_string(),
        month.alone_as_published.to_string(),
        percent(month.alone_as_published, month.rows),
        month.alone_at_15_minutes.to_string(),
        percent(month.alone_at_15_minutes, month.rows),
    ]
}

/// To a tenth, with whole numbers: counts may exceed what a float holds exactly.
fn percent(part: u64, of: u64) -> String {
    let tenths = (u128::from(part) * 1000 + u128::from(of) / 2) / u128::from(of.max(1));
    format!("{}.{}", tenths / 10, tenths % 10)
}
