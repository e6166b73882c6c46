//! Many blocks and many processes behind a slow portal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::future::join_all;
use local_stack::{StackOptions, planned_item};
use pipeline::{BlockItem, Context, Source, sync_socrata};
use sandbox_portal::PortalOptions;
use serde_json::{Value, json};

use crate::month::run;
use crate::table::{Report, Row};
use crate::world::{World, provider};

/// Database connections of each process: one for its step, one for everything else.
const CONNECTIONS: usize = 2;
const AT_ONCE: usize = 4;

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let month =
        json!({"provider": "bird", "time_min": "2020-01-01-00", "time_max": "2020-02-01-00"});
    let (without, _) = timed_run(270, Duration::ZERO, &month, true).await?;
    let (with, uploads) = timed_run(270, Duration::from_secs(1), &month, false).await?;
    report.add(Row::figure(
        "a month of 270 trips an hour, behind a portal of 1 s a request",
        format!("{with:.1} s in {uploads} uploads; without publishing {without:.1} s"),
        "≤ 1.25 times that, and 25 s",
    ));
    let days =
        json!({"provider": "bird", "time_min": "2020-01-01-00", "time_max": "2020-01-05-00"});
    let (seconds, uploads) = timed_run(20, Duration::from_secs(1), &days, false).await?;
    report.add(Row::figure(
        "96 blocks of 20 trips, behind a portal of 1 s a request",
        format!("{seconds:.1} s in {uploads} uploads"),
        "≤ 12 s",
    ));
    processes(report, 20, Duration::from_secs(4), "≤ 16 s").await?;
    processes(report, 40, Duration::from_secs(10), "no failure").await
}

/// A provider with so many trips an hour, and a portal that takes so long for an upload.
pub(crate) fn world(trips: u32, upload_time: Duration) -> StackOptions {
    let providers = [("bird".to_owned(), provider(trips))];
    StackOptions {
        portal: PortalOptions {
            upload_time,
            ..PortalOptions::default()
        },
        ..StackOptions::with_providers(providers.into())
    }
}

/// The seconds of a run and its number of uploads.
async fn timed_run(
    trips: u32,
    upload_time: Duration,
    request: &Value,
    without_portal: bool,
) -> anyhow::Result<(f64, u64)> {
    let world = World::with(world(trips, upload_time)).await?;
    let mut request = request.clone();
    request["no_sync_socrata"] = json!(without_portal);
    let began = Instant::now();
    run(&world, &request, AT_ONCE).await?;
    Ok((began.elapsed().as_secs_f64(), uploads(&world)))
}

pub(crate) fn uploads(world: &World) -> u64 {
    let requests = world.stack.portal.log().requests();
    let posts = requests.iter().filter(|request| request.method == "POST");
    posts.count() as u64
}

/// So many processes, each with one loaded block, that ask for its upload at the same moment.
async fn processes(
    report: &mut Report,
    count: usize,
    upload_time: Duration,
    goal: &str,
) -> anyhow::Result<()> {
    let world = World::with(world(20, upload_time)).await?;
    let days =
        json!({"provider": "bird", "time_min": "2020-01-01-00", "time_max": "2020-01-03-00"});
    let mut request = days.clone();
    request["no_sync_socrata"] = json!(true);
    run(&world, &request, AT_ONCE).await?;
    let mut waiting: Vec<(Arc<Context>, BlockItem)> = Vec::new();
    for n in 0..count {
        let context = Context::connect(world.stack.environment()?, CONNECTIONS).await?;
        let hour = format!("2020-01-{:02}-{:02}", 1 + (n + 1) / 24, (n + 1) % 24);
        let mut item = planned_item(&world.ctx, "bird", &hour).await?;
        item.force = false;
        waiting.push((Arc::new(context), item));
    }
    let began = Instant::now();
    let steps = waiting.into_iter().map(|(context, item)| {
        tokio::spawn(async move {
            let step = Box::pin(sync_socrata(&context, item, Source::Bucket)).await;
            (step, began.elapsed().as_secs_f64())
        })
    });
    let mut ends = Vec::new();
    let mut failures = 0;
    for ended in join_all(steps).await {
        let (step, seconds) = ended.context("a process")?;
        failures += u32::from(step.is_err());
        ends.push(seconds);
    }
    ends.sort_by(f64::total_cmp);
    report.add(Row::figure(
        format!(
            "{count} processes of one block each, behind a portal of {} s a request",
            upload_time.as_secs()
        ),
        format!(
            "{:.1} s in {} uploads, {failures} failures",
            ends.last().copied().unwrap_or(f64::NAN),
            uploads(&world)
        ),
        goal,
    ));
    Ok(())
}
