//! `make bench`: the pipeline's work beside yardsticks that do as little as can be done, on this
//! machine and in one run.
//!
//! Ours and the yardstick take turns, several rounds; the table has medians and the spread. Memory
//! is that of a process of its own that does one step as a function does.

#![allow(clippy::print_stdout, reason = "the table is what this is run for")]

mod classify;
mod extract;
mod grow;
mod load;
mod memory;
mod month;
mod plan;
mod portal;
mod single;
mod table;
mod turns;
mod world;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use table::Report;

/// Measures the pipeline's work beside yardsticks.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    child: Option<Child>,

    /// Trips of the hour that is pulled, loaded and published.
    #[arg(long, default_value_t = 100_000)]
    trips: u32,

    /// Rounds of each work and its yardstick.
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Only these parts. [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,

    /// Where the figures go as JSON.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// sync-db beside a bare COPY and upsert.
    Load,
    /// extract beside a client that throws the answer away.
    Extract,
    /// sync-socrata beside a client that posts the same chunks.
    Portal,
    /// What a trip costs inside the load.
    Classify,
    /// Peak memory of extract and sync-db.
    Memory,
    /// A slow block among others, and a month.
    Month,
    /// Ten years of eighteen providers, and the next hour after them.
    Plan,
    /// A row, and a request, a trip.
    Single,
    /// How cost grows with trips and blocks.
    Grow,
}

/// What a measured process of its own does.
#[derive(Debug, Subcommand)]
enum Child {
    /// One step of the block in a file.
    #[command(hide = true)]
    Step {
        /// `extract`, `sync-db` or `sync-socrata`.
        step: String,
        /// The block's item, as JSON.
        item: PathBuf,
    },
    /// A plan.
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
    if wanted(Part::Classify) {
        Box::pin(classify::measure(&mut report, trips, rounds)).await?;
    }
    if wanted(Part::Memory) {
        Box::pin(memory::measure(&mut report, trips)).await?;
    }
    if wanted(Part::Month) {
        Box::pin(month::measure(&mut report)).await?;
    }
    if wanted(Part::Plan) {
        Box::pin(plan::measure(&mut report, rounds)).await?;
    }
    if wanted(Part::Single) {
        Box::pin(single::measure(&mut report)).await?;
    }
    if wanted(Part::Grow) {
        Box::pin(grow::measure(&mut report)).await?;
    }
    report.write(&args.json)?;
    println!("\n{}", report.table());
    println!("as JSON in {}", args.json.display());
    Ok(())
}
