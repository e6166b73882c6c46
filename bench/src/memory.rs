//! Peak memory of a step, in a process of its own.

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

/// Connections of a function.
const CONNECTIONS: usize = 2;

/// What a process of its own needed.
pub(crate) struct Needed {
    pub(crate) seconds: f64,
    pub(crate) peak_mib: u64,
}

pub(crate) async fn measure(report: &mut Report, trips: u32) -> anyhow::Result<()> {
    for trips in [trips / 10, trips] {
        let world = World::start(trips).await?;
        let mut item = serde_json::to_value(world.item("bird").await?)?;
        for step in [Step::Extract, Step::SyncDb, Step::SyncSocrata] {
            let (needed, done) = step_apart(&world, step, &item).await?;
            item = done;
            let megabytes = item["extract"]["payload_bytes"].as_u64().unwrap_or(0) / 1_000_000;
            report.add(Row {
                peak_mib: Some(needed.peak_mib),
                ..Row::figure(
                    format!("{step} of {trips} trips, {megabytes} MB, in a process of its own"),
                    format!("{:.2} s", needed.seconds),
                    "≤ 256 MiB",
                )
            });
        }
    }
    Ok(())
}

/// Does a step in a process of its own, and answers what it needed and the item after it.
pub(crate) async fn step_apart(
    world: &World,
    step: Step,
    item: &Value,
) -> anyhow::Result<(Needed, Value)> {
    let path = std::env::temp_dir().join(format!("bench-{}.json", uuid::Uuid::now_v7()));
    std::fs::write(&path, serde_json::to_vec(item)?)?;
    let arguments = ["step".as_ref(), step.as_str().as_ref(), path.as_os_str()];
    let answer = child(world, &arguments).await;
    std::fs::remove_file(&path)?;
    let mut answer = answer?;
    let done = answer["item"].take();
    Ok((needed(&answer)?, done))
}

/// Plans in a process of its own.
pub(crate) async fn plan_apart(world: &World, request: &Value) -> anyhow::Result<Needed> {
    let request = request.to_string();
    let answer = child(world, &["plan".as_ref(), request.as_ref()]).await?;
    needed(&answer)
}

fn needed(answer: &Value) -> anyhow::Result<Needed> {
    Ok(Needed {
        seconds: answer["seconds"].as_f64().context("no seconds")?,
        peak_mib: answer["peak_mib"].as_u64().context("no memory")?,
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
        bail!("a process of its own ended with {}", output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

pub(crate) async fn child_step(step: &str, item: &Path) -> anyhow::Result<()> {
    let item: BlockItem = serde_json::from_slice(&std::fs::read(item)?)?;
    let step: Step = serde_json::from_value(json!(step))?;
    let ctx = Context::connect(Environment::from_process()?, CONNECTIONS).await?;
    let began = Instant::now();
    let item = Box::pin(run_step(&ctx, step, item)).await?;
    tell(began, json!({ "item": item }))
}

pub(crate) async fn child_plan(request: &str) -> anyhow::Result<()> {
    let request = PlanRequest::from_json(serde_json::from_str(request)?)?;
    let ctx = Context::connect(Environment::from_process()?, CONNECTIONS).await?;
    // The connection and the pages of the index are there in a function that is called every hour.
    if request.interval == Some(1) {
        plan(&ctx, &request, |_| {}).await?;
    }
    let began = Instant::now();
    plan(&ctx, &request, |_| {}).await?;
    tell(began, json!({}))
}

fn tell(began: Instant, mut answer: Value) -> anyhow::Result<()> {
    answer["seconds"] = began.elapsed().as_secs_f64().into();
    answer["peak_mib"] = peak_mib()?.into();
    println!("{answer}");
    Ok(())
}

/// The most memory that this process has held, as Linux says it.
fn peak_mib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .context("no VmHWM")?
        .parse()?;
    Ok(kilobytes / 1024)
}
