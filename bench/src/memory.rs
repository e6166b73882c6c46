//! Time and peak memory of a step, measured in a separate process.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, bail};
use config::Environment;
use pipeline::{BlockItem, Context, PlanRequest, plan, run_step};
use serde_json::{Value, json};
use tokio::process::Command;
use trips::status::Step;

use crate::table::{Report, Row};
use crate::world::World;

/// Database connections of a function.
const CONNECTIONS: usize = 2;

/// Time and peak memory of a child process.
pub(crate) struct Usage {
    pub(crate) seconds: f64,
    pub(crate) peak_mib: u64,
}

pub(crate) async fn measure(report: &mut Report, trips: u32) -> anyhow::Result<()> {
    for trips in [trips / 10, trips] {
        let world = World::start(trips).await?;
        let mut item = serde_json::to_value(world.item("bird").await?)?;
        for step in [Step::Extract, Step::SyncDb, Step::SyncSocrata] {
            let (usage, done) = step_in_process(&world, step, &item).await?;
            item = done;
            let megabytes = item["extract"]["payload_bytes"].as_u64().unwrap_or(0) / 1_000_000;
            report.add(Row {
                peak_mib: Some(usage.peak_mib),
                ..Row::figure(
                    format!("{step} of {trips} trips, {megabytes} MB, in a separate process"),
                    format!("{:.2} s", usage.seconds),
                    "≤ 256 MiB",
                )
            });
        }
    }
    Ok(())
}

/// Runs a step in a separate process. Returns its usage and the resulting item.
pub(crate) async fn step_in_process(
    world: &World,
    step: Step,
    item: &Value,
) -> anyhow::Result<(Usage, Value)> {
    let path = std::env::temp_dir().join(format!("bench-{}.json", uuid::Uuid::now_v7()));
    std::fs::write(&path, serde_json::to_vec(item)?)?;
    let arguments = ["step".as_ref(), step.as_str().as_ref(), path.as_os_str()];
    let output = child(world, &arguments).await;
    std::fs::remove_file(&path)?;
    let mut output = output?;
    let done = output["item"].take();
    Ok((usage(&output)?, done))
}

/// Makes a plan in a separate process. Returns its usage.
pub(crate) async fn plan_in_process(world: &World, request: &Value) -> anyhow::Result<Usage> {
    let request = request.to_string();
    let output = child(world, &["plan".as_ref(), request.as_ref()]).await?;
    usage(&output)
}

fn usage(output: &Value) -> anyhow::Result<Usage> {
    Ok(Usage {
        seconds: output["seconds"].as_f64().context("no seconds")?,
        peak_mib: output["peak_mib"].as_u64().context("no memory")?,
    })
}

async fn child(world: &World, arguments: &[&std::ffi::OsStr]) -> anyhow::Result<Value> {
    let output = Command::new(std::env::current_exe()?)
        .args(arguments)
        .envs(&world.stack.env)
        .stderr(Stdio::inherit())
        .output()
        .await?;
    if !output.status.success() {
        bail!("the child process ended with {}", output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

pub(crate) async fn child_step(step: &str, item: &Path) -> anyhow::Result<()> {
    let item: BlockItem = serde_json::from_slice(&std::fs::read(item)?)?;
    let step: Step = serde_json::from_value(json!(step))?;
    let ctx = Context::connect(Environment::from_process()?, CONNECTIONS).await?;
    let began = Instant::now();
    let item = Box::pin(run_step(&ctx, step, item)).await?;
    print_usage(began, json!({ "item": item }))
}

pub(crate) async fn child_plan(request: &str) -> anyhow::Result<()> {
    let request = PlanRequest::from_json(serde_json::from_str(request)?)?;
    let ctx = Context::connect(Environment::from_process()?, CONNECTIONS).await?;
    // A function that is called every hour has a connection and a warm index.
    if request.interval == Some(1) {
        plan(&ctx, &request, |_| {}).await?;
    }
    let began = Instant::now();
    plan(&ctx, &request, |_| {}).await?;
    print_usage(began, json!({}))
}

fn print_usage(began: Instant, mut output: Value) -> anyhow::Result<()> {
    output["seconds"] = began.elapsed().as_secs_f64().into();
    output["peak_mib"] = peak_mib()?.into();
    println!("{output}");
    Ok(())
}

/// The peak memory of this process, according to Linux.
fn peak_mib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .context("no VmHWM")?
        .parse()?;
    Ok(kilobytes / 1024)
}
