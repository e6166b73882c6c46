//! A month in one process, and one slow block among others.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pipeline::{BlockOutcome, PlanRequest, RunObserver, RunOptions, plan, run_local};
use sandbox_provider::{Fault, Times};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::table::{Report, Row};
use crate::world::World;

/// Mean trips per hour of the month.
const TRIPS: u32 = 270;
const WAIT: Duration = Duration::from_secs(4);

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    for concurrency in [2, 4, 8] {
        let world = World::start(TRIPS).await?;
        let request =
            json!({"provider": "bird", "time_min": "2020-01-01-00", "time_max": "2020-02-01-00"});
        let (busy, began) = (busy_seconds()?, Instant::now());
        let (blocks, _) = run(&world, &request, concurrency).await?;
        let seconds = began.elapsed().as_secs_f64();
        let share = (busy_seconds()? - busy) / (seconds * cores()) * 100.0;
        report.add(Row::figure(
            format!("a month, {blocks} blocks of {TRIPS} trips, {concurrency} at once"),
            format!("{seconds:.1} s, the machine {share:.0}% busy"),
            "≥ 70% at the best",
        ));
    }
    waiting(report).await
}

/// A day with one hour whose response is late: the time after which the other hours are done.
async fn waiting(report: &mut Report) -> anyhow::Result<()> {
    let request =
        json!({"provider": "bird", "time_min": "2020-01-15-00", "time_max": "2020-01-16-00"});
    let mut others = Vec::new();
    for is_slow in [false, true] {
        let world = World::start(TRIPS).await?;
        if is_slow {
            let hour = "2020-01-15T08:30:00Z".parse()?;
            world.stack.providers["bird"].fail_hour(hour, Fault::Slow(WAIT), Times::Next(1));
        }
        let (_, mut ends) = run(&world, &request, 4).await?;
        ends.sort_by(f64::total_cmp);
        others.push(ends.get(22).copied().unwrap_or(f64::NAN));
    }
    report.add(Row::figure(
        format!(
            "23 of 24 blocks, while the last one waits {} s for its provider, 4 at once",
            WAIT.as_secs()
        ),
        format!("{:.2} s, without the wait {:.2} s", others[1], others[0]),
        "the same, apart from the occupied slot",
    ));
    Ok(())
}

/// Runs the request. Returns the number of blocks, and for each the seconds until it ended.
pub(crate) async fn run(
    world: &World,
    request: &Value,
    concurrency: usize,
) -> anyhow::Result<(u64, Vec<f64>)> {
    let plan = plan(
        &world.ctx,
        &PlanRequest::from_json(request.clone())?,
        |_| {},
    )
    .await?;
    let ends = Arc::new(Ends {
        began: Instant::now(),
        seconds: Mutex::default(),
    });
    let options = RunOptions {
        concurrency,
        cancel: CancellationToken::new(),
    };
    let observer = Arc::clone(&ends);
    let run = run_local(Arc::clone(&world.ctx), &plan, options, observer);
    let summary = Box::pin(run).await?.summary;
    anyhow::ensure!(summary.is_success(), "{summary}");
    let seconds = ends.seconds.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((plan.block_count, seconds.clone()))
}

struct Ends {
    began: Instant,
    seconds: Mutex<Vec<f64>>,
}

impl RunObserver for Ends {
    fn block_ended(&self, _outcome: &BlockOutcome) {
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        seconds.push(self.began.elapsed().as_secs_f64());
    }
}

#[allow(clippy::cast_precision_loss, reason = "a few cores")]
fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1, usize::from) as f64
}

/// The seconds that the machine's processors have been busy since it started.
fn busy_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let first = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = first
        .split_whitespace()
        .skip(1)
        .filter_map(|tick| tick.parse().ok())
        .collect();
    // The sum of all columns but idle and iowait, in hundredths of a second.
    let busy: f64 = ticks
        .iter()
        .enumerate()
        .filter(|(column, _)| ![3, 4].contains(column))
        .map(|(_, tick)| tick)
        .take(6)
        .sum();
    Ok(busy / 100.0)
}
