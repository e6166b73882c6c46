//! `make bench`: compares the pipeline's steps with yardsticks, which do the minimum of the same
//! work, on this machine and in one run.
//!
//! A step and its yardstick run alternately for several rounds; the table has medians and the
//! spread. Memory is measured in a separate process that runs one step, as a function does.

#![allow(
    clippy::print_stdout,
    reason = "the table is the output of this program"
)]

mod audit;
mod classify;
mod extract;
mod grow;
mod history;
mod load;
mod memory;
mod month;
mod network;
mod plan;
mod portal;
mod publish;
mod report;
mod single;
mod table;
mod turns;
mod world;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use table::Report;

/// Compares the pipeline's steps with yardsticks that do the minimum of the same work.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    child: Option<Child>,

    /// Number of trips in the measured hour.
    #[arg(long, default_value_t = 100_000)]
    trips: u32,

    /// Number of trips in the table that is audited.
    #[arg(long, default_value_t = 10_000_000)]
    audited_trips: u32,

    /// Number of trips in the table of a month's report.
    #[arg(long, default_value_t = 20_000_000)]
    reported_trips: u32,

    /// Number of rows that are in the table before a usual hour is loaded, one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1_000_000, 10_000_000])]
    history: Vec<u32>,

    /// Number of rounds of each step and its yardstick.
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Run only these parts. [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,

    /// The file for the figures as JSON.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// sync-db, compared with a bare COPY and upsert.
    Load,
    /// extract, compared with a client that discards the response.
    Extract,
    /// sync-socrata, compared with a client that posts the same chunks.
    Portal,
    /// Many blocks and many processes behind a slow portal.
    Publish,
    /// The parts of a load.
    Classify,
    /// Peak memory of each step.
    Memory,
    /// A month of blocks, and a slow block among others.
    Month,
    /// A block and a day on a network like AWS's.
    Network,
    /// A plan of ten years of eighteen providers, and of the hour after them.
    Plan,
    /// The database's side of an audit.
    Audit,
    /// A month's report over a large table.
    Report,
    /// One INSERT per trip, and one HTTP request per trip.
    Single,
    /// How cost grows with the number of trips and blocks.
    Grow,
    /// A usual hour, loaded into tables with a short and a long history.
    History,
}

/// What a measured child process does.
#[derive(Debug, Subcommand)]
enum Child {
    /// Runs one step of the block in a file.
    #[command(hide = true)]
    Step {
        /// `extract`, `sync-db` or `sync-socrata`.
        step: String,
        /// The block's item, as JSON.
        item: PathBuf,
    },
    /// Makes a plan.
    #[command(hide = true)]
    Plan {
        /// The request, as JSON.
        request: String,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    match &args.child {
        Some(Child::Step { step, item }) => return Box::pin(memory::child_step(step, item)).await,
        Some(Child::Plan { request }) => return Box::pin(memory::child_plan(request)).await,
        None => {}
    }
    let wanted = |part| args.only.is_empty() || args.only.contains(&part);
    let mut report = Report::default();
    let (trips, rounds) = (args.trips, args.rounds);
    if wanted(Part::Load) {
        Box::pin(load::measure(&mut report, trips, rounds)).await?;
    }
    if wanted(Part::Extract) {
        Box::pin(extract::measure(&mut report, trips, rounds)).await?;
    }
    if wanted(Part::Portal) {
        Box::pin(portal::measure(&mut report, trips, rounds)).await?;
    }
    if wanted(Part::Publish) {
        Box::pin(publish::measure(&mut report)).await?;
    }
    if wanted(Part::Classify) {
        Box::pin(classify::measure(&mut report, trips, rounds)).await?;
    }
    if wanted(Part::Memory) {
        Box::pin(memory::measure(&mut report, trips)).await?;
    }
    if wanted(Part::Month) {
        Box::pin(month::measure(&mut report)).await?;
    }
    if wanted(Part::Network) {
        Box::pin(network::measure(&mut report, rounds)).await?;
    }
    if wanted(Part::Plan) {
        Box::pin(plan::measure(&mut report, rounds)).await?;
    }
    if wanted(Part::Audit) {
        Box::pin(audit::measure(&mut report, args.audited_trips, rounds)).await?;
    }
    if wanted(Part::Report) {
        Box::pin(report::measure(&mut report, args.reported_trips, rounds)).await?;
    }
    if wanted(Part::Single) {
        Box::pin(single::measure(&mut report)).await?;
    }
    if wanted(Part::Grow) {
        Box::pin(grow::measure(&mut report)).await?;
    }
    if wanted(Part::History) {
        Box::pin(history::measure(&mut report, &args.history)).await?;
    }
    report.write(&args.json)?;
    println!("\n{}", report.table());
    println!("as JSON in {}", args.json.display());
    Ok(())
}
