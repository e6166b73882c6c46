//! Which figures of an invocation become metrics.
//!
//! CloudWatch charges for each metric with each value of its dimensions. So a provider is a
//! dimension of two metrics only; of the others it is a property, which log queries find
//! (docs/COSTS.md).

use std::time::Duration;

use chrono::{DateTime, Utc};
use pipeline::{BlockItem, Context, ErrorName, HoursBehind, PipelineError, Plan, RunSummary};
use telemetry::{Dimension, Metric, Metrics};
use trips::block::Stage;
use trips::status::Step;
use uuid::Uuid;

const BY_STAGE: &[&[Dimension]] = &[&[Dimension::Stage]];
const BY_PROVIDER: &[&[Dimension]] = &[&[Dimension::Stage, Dimension::Provider]];
const BY_STEP: &[&[Dimension]] = &[&[Dimension::Stage, Dimension::Step]];
/// Providers and errors fail one by one, so both are told apart.
const BY_FAILURE: &[&[Dimension]] = &[
    &[Dimension::Stage],
    &[Dimension::Stage, Dimension::Provider],
    &[Dimension::Stage, Dimension::Error],
];

/// Writes the counts of a step and how long it took.
pub(crate) fn step(
    ctx: &Context,
    step: Step,
    item: &BlockItem,
    took: Duration,
    ended: &Result<BlockItem, PipelineError>,
) {
    let mut metrics = of_stage(ctx)
        .dimension(Dimension::Provider, item.provider.as_str())
        .dimension(Dimension::Step, step.as_str())
        .property("run_id", item.run_id.to_string())
        .property("block.label", item.label.as_str())
        .measure(
            BY_STEP,
            &[Metric::seconds("StepSeconds", took.as_secs_f64())],
        );
    match ended {
        Ok(done) => {
            let mut figures = figures(step, done);
            figures.push(no_error());
            metrics = metrics.measure(BY_STAGE, &figures);
        }
        // An hour that its provider has not published yet is no failure.
        Err(error) if error.name == ErrorName::ProviderNotReady => {}
        Err(error) => {
            metrics = metrics
                .dimension(Dimension::Error, error.name.as_str())
                .measure(BY_FAILURE, &[Metric::count("StepFailures", 1)]);
        }
    }
    write(metrics);
}

fn figures(step: Step, item: &BlockItem) -> Vec<Metric> {
    match step {
        Step::Extract => item
            .extract
            .iter()
            .map(|done| Metric::count("TripsFetched", done.trip_count))
            .collect(),
        Step::SyncDb => item.sync_db.iter().flat_map(loaded).collect(),
        Step::SyncSocrata => item.sync_socrata.iter().flat_map(published).collect(),
    }
}

fn loaded(done: &pipeline::SyncDbOutput) -> [Metric; 3] {
    [
        Metric::count("TripsLoaded", done.loaded),
        Metric::count("TripsRejected", done.rejected),
        Metric::count("TripsDuplicates", done.duplicates),
    ]
}

fn published(done: &pipeline::SyncSocrataOutput) -> [Metric; 2] {
    [
        Metric::count("TripsPublished", done.created + done.updated),
        Metric::count("BlocksPublished", 1),
    ]
}

/// Writes the number of blocks in a plan.
pub(crate) fn plan(ctx: &Context, plan: &Plan) {
    write(
        of_stage(ctx)
            .property("run_id", plan.run_id.to_string())
            .measure(
                BY_STAGE,
                &[Metric::count("BlocksPlanned", plan.block_count), no_error()],
            ),
    );
}

/// Writes how far behind each provider is, the stage's maximum, and how many are further behind
/// than `threshold` hours: the maximum says nothing of a second provider.
pub(crate) fn hours_behind(
    ctx: &Context,
    run_id: Uuid,
    behind: &[HoursBehind],
    threshold: Option<u32>,
) {
    let gauge = |hours| [Metric::hours("HoursBehind", hours)];
    for it in behind {
        write(
            of_stage(ctx)
                .dimension(Dimension::Provider, it.provider.as_str())
                .property("run_id", run_id.to_string())
                .measure(BY_PROVIDER, &gauge(it.hours)),
        );
    }
    if let Some(most) = behind.iter().map(|it| it.hours).max() {
        write(
            of_stage(ctx)
                .property("run_id", run_id.to_string())
                .measure(BY_STAGE, &gauge(most)),
        );
    }
    if let Some(threshold) = threshold.map(u64::from) {
        let providers = behind.iter().filter(|it| it.hours > threshold).count();
        write(
            of_stage(ctx)
                .property("run_id", run_id.to_string())
                .measure(
                    BY_STAGE,
                    &[Metric::count("ProvidersBehind", providers as u64)],
                ),
        );
    }
}

/// Writes how the blocks of a run ended.
pub(crate) fn summary(ctx: &Context, summary: &RunSummary) {
    write(
        of_stage(ctx)
            .property("run_id", summary.run_id.to_string())
            .measure(
                BY_STAGE,
                &[
                    Metric::count("BlocksDone", summary.done),
                    Metric::count("BlocksNotReady", summary.not_ready),
                    Metric::count("BlocksFailed", summary.failed),
                    Metric::count("BlocksUnfinished", summary.unfinished),
                ],
            ),
    );
}

/// Writes that an invocation has returned an error. Lambda counts those too, and those that ended
/// without one; the difference is what nobody has named. Both have the time at which the invocation
/// began.
pub(crate) fn error_returned(stage: Stage, began: DateTime<Utc>, error: ErrorName) {
    write(
        Metrics::at(began)
            .dimension(Dimension::Stage, stage.as_str())
            .property("error.name", error.as_str())
            .measure(BY_STAGE, &[Metric::count("ErrorsReturned", 1)]),
    );
}

/// The metric has a value in every hour with work, so that an alarm can subtract it.
fn no_error() -> Metric {
    Metric::count("ErrorsReturned", 0)
}

fn of_stage(ctx: &Context) -> Metrics {
    Metrics::at(Utc::now()).dimension(Dimension::Stage, &ctx.config().env.stage.to_string())
}

#[expect(
    clippy::print_stdout,
    reason = "Lambda's log is standard output, and CloudWatch reads metrics there"
)]
fn write(metrics: Metrics) {
    println!("{}", metrics.line());
}
