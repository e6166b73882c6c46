//! Ten years of eighteen providers, 1.6 million blocks, planned by the function's own binary against a local Postgres.
//!
//! Prints a table: the seconds of each plan and the peak memory of the function's process. The first plan enters every
//! block, the second finds them there.

#![allow(clippy::print_stdout, reason = "the table is what this is run for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use local_stack::{LocalStack, StackOptions};
use sandbox::provider::ProviderOptions;
use serde_json::json;

const PROVIDERS: usize = 18;
const PATIENCE: Duration = Duration::from_secs(900);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let providers: BTreeMap<_, _> = (1..=PROVIDERS)
        .map(|n| (format!("provider-{n:02}"), ProviderOptions::default()))
        .collect();
    let stack = LocalStack::start(StackOptions::with_providers(providers)).await?;
    let function = stack.function(env!("CARGO_BIN_EXE_plan-blocks")).await?;
    let request = json!({
        "provider": "all",
        "time_min": "2010-01-01-00",
        "time_max": "2020-01-01-00",
    });
    println!("| plan | blocks | seconds | blocks/s | peak memory so far |");
    println!("| --- | --- | --- | --- | --- |");
    for plan in ["every block is new", "every block is known"] {
        let began = Instant::now();
        let answer = function.invoke_within(&request, PATIENCE).await?;
        let seconds = began.elapsed().as_secs_f64();
        let blocks = answer["block_count"].as_f64().unwrap_or_default();
        println!(
            "| {plan} | {blocks} | {seconds:.1} | {:.0} | {} |",
            blocks / seconds,
            peak_memory(function.id())?
        );
    }
    Ok(())
}

/// The most memory that a process has held, as Linux says it.
fn peak_memory(process: Option<u32>) -> Result<String, Box<dyn Error>> {
    let process = process.ok_or("the function has ended")?;
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("no VmHWM")?
        .parse()?;
    Ok(format!("{} MiB", kilobytes / 1024))
}
