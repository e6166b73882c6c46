//! `mds report privacy`: published rows that only one trip can be behind.

use std::process::ExitCode;

use pipeline::{AloneRows, PrivacyReport};
use trips::time::Month;
use trips::words::counted;

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
    let shown = match report.time_rounding_minutes {
        0 => "alone, exact times".to_owned(),
        minutes => format!("alone, {minutes} minutes"),
    };
    let heading = ["month", "rows", &shown, "%", "alone, 15 minutes", "%"];
    let mut published = table(&heading, 1);
    let mut all = table(&heading, 1);
    let mut waiting = 0;
    for month in &report.months {
        published.add_row(cells(month.month, &month.published));
        if let Some(rows) = &month.with_not_published {
            all.add_row(cells(month.month, rows));
            waiting += month.not_published;
        }
    }
    output::text(&published)?;
    if waiting > 0 {
        output::text(&format!(
            "{} loaded and not at the portal yet. With them:",
            counted(waiting, "row").with("is", "are")
        ))?;
        output::text(&all)?;
    }
    output::text(
        "A row is alone if no other has its pair of tracts, its start and its end: who knows that of a trip knows which row it \
         is. Rows that were sent before PUBLIC_TIME_ROUNDING_MINUTES was changed keep their times until \
         `mds sync-socrata --force` or `mds audit --repair` sends them again.",
    )
}

fn cells(month: Month, rows: &AloneRows) -> [String; 6] {
    [
        month.to_string(),
        rows.rows.to_string(),
        rows.alone_as_published.to_string(),
        percent(rows.alone_as_published, rows.rows),
        rows.alone_at_15_minutes.to_string(),
        percent(rows.alone_at_15_minutes, rows.rows),
    ]
}

/// To a tenth, with whole numbers: counts may exceed what a float holds exactly.
fn percent(part: u64, of: u64) -> String {
    let tenths = (u128::from(part) * 1000 + u128::from(of) / 2) / u128::from(of.max(1));
    format!("{}.{}", tenths / 10, tenths % 10)
}
