//! `mds migrate`: creates or updates the database's tables, or takes over those of the Python tool.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use config::{Environment, Scope};
use pipeline::{MigrationReport, MigrationRequest, TableChange};
use tokio::time::timeout;
use trips::words::counted;

use crate::args::MigrateArgs;
use crate::failure::FAILED;
use crate::output;

/// How long nothing is said.
const SILENCE: Duration = Duration::from_secs(10);

pub(crate) async fn migrate(args: MigrateArgs, json: bool) -> anyhow::Result<ExitCode> {
    let environment = Environment::from_process()?;
    let config = Box::pin(config::load_for(environment, Scope::Migrate, None)).await?;
    let request = MigrationRequest {
        timestamps_in: Some(args.timestamps_in),
        hours_are: args.hours_are.map(Into::into),
        dry_run: args.dry_run,
    };
    let report = Box::pin(telling_time(pipeline::migrate(&config, &request))).await?;
    if json {
        output::json(&report)?;
    } else if args.dry_run {
        print(&plan_text(&report))?;
    }
    if !args.dry_run {
        output::note(format_args!("{}", taken_over(&report)));
    }
    note!("{}", summary(&report, args.dry_run));
    Ok(if report.obstacles.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

/// Says now and then that work goes on: big tables take minutes, and Postgres does not tell how far
/// it has come with one.
async fn telling_time<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let began = Instant::now();
    loop {
        match timeout(SILENCE, &mut work).await {
            Ok(done) => return done,
            Err(_) => note!(
                "still at work on the tables: {} s",
                began.elapsed().as_secs()
            ),
        }
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    output::write(Path::new(output::STANDARD), text.as_bytes())
}

/// The migrations, one for each line; then what else would happen.
fn plan_text(report: &MigrationReport) -> String {
    let mut text = String::new();
    for migration in &report.migrations {
        let _ = writeln!(text, "{migration}");
    }
    for table in &report.tables {
        text.push_str(&table_text(table));
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    for obstacle in &report.obstacles {
        let _ = writeln!(text, "in the way: {obstacle}");
    }
    text
}

fn table_text(table: &TableChange) -> String {
    let mut text = format!("{}: {}\n", table.table, counted(table.rows, "row"));
    for column in &table.columns {
        let _ = match &column.from {
            Some(from) if *from == column.to => {
                writeln!(text, "  {}: every row gets a value", column.column)
            }
            Some(from) => writeln!(text, "  {}: {from} becomes {}", column.column, column.to),
            None => writeln!(text, "  {}: added, {}", column.column, column.to),
        };
    }
    text
}

/// What became of the tables of another tool.
fn taken_over(report: &MigrationReport) -> String {
    let mut text = String::new();
    for table in &report.tables {
        let _ = writeln!(
            text,
            "taken over: {} with {}",
            table.table,
            counted(table.rows, "row")
        );
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn summary(report: &MigrationReport, dry_run: bool) -> String {
    let version = report.version;
    if !report.obstacles.is_empty() {
        return format!(
            "in the way: {}; remove them with the statements above, and try again; nothing was changed",
            report.obstacles.len()
        );
    }
    let done = |done: &str, would: &str| {
        if dry_run {
            would.to_owned()
        } else {
            done.to_owned()
        }
    };
    if !report.tables.is_empty() {
        let minutes = report.seconds.div_ceil(60);
        return if dry_run {
            format!(
                "would take over the tables above and update them to version {version}; they would be locked for about \
                 {minutes} min"
            )
        } else {
            format!("took over the tables of an older tool: version {version}")
        };
    }
    match (report.migrations.is_empty(), report.version_before) {
        (true, _) if !report.notes.is_empty() => format!(
            "{} what the notes above say: version {version}",
            done("changed", "would change")
        ),
        (true, _) => format!("nothing to do: the tables are up to date, version {version}"),
        (false, None) => {
            format!(
                "{} all tables: version {version}",
                done("created", "would create")
            )
        }
        (false, Some(before)) => format!(
            "{} the tables from version {before} to version {version}",
            done("updated", "would update")
        ),
    }
}
