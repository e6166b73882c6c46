//! Which figures of a step and of a plan become metrics.

use std::time::Duration;

use chrono::Utc;
use pipeline::{BlockItem, Context, ErrorName, PipelineError, Plan};
use telemetry::{Dimension, Metric, Metrics};
use trips::status::Step;

const BY_PROVIDER: &[&[Dimension]] = &[
    &[Dimension::Stage],
    &[Dimension::Stage, Dimension::Provider],
];
const BY_STEP: &[&[Dimension]] = &[&[Dimension::Stage, Dimension::Step]];

/// Writes the counts of a step and how long it took.
pub(crate) fn step(
    ctx: &Context,
    step: Step,
    item: &BlockItem,
    took: Duration,
    ended: &Result<BlockItem, PipelineError>,
) {
    let figures = match ended {
        Ok(done) => figures(step, done),
        Err(error) if error.name == ErrorName::ProviderNotReady => Vec::new(),
        Err(_) => vec![Metric::count("StepFailures", 1)],
    };
    let mut metrics = Metrics::at(Utc::now())
        .dimension(Dimension::Stage, &ctx.config().env.stage.to_string())
        .dimension(Dimension::Provider, item.provider.as_str())
        .dimension(Dimension::Step, step.as_str())
        .property("run_id", item.run_id.to_string())
        .property("block.label", item.label.as_str())
        .measure(
            BY_STEP,
            &[Metric::seconds("StepSeconds", took.as_secs_f64())],
        );
    if !figures.is_empty() {
        metrics = metrics.measure(BY_PROVIDER, &figures);
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
    if plan.dry_run {
        return;
    }
    write(
        Metrics::at(Utc::now())
            .dimension(Dimension::Stage, &ctx.config().env.stage.to_string())
            .property("run_id", plan.run_id.to_string())
            .measure(
                &[&[Dimension::Stage]],
                &[Metric::count("BlocksPlanned", plan.block_count)],
            ),
    );
}

#[expect(
    clippy::print_stdout,
    reason = "Lambda's log is standard output, and CloudWatch reads metrics there"
)]
fn write(metrics: Metrics) {
    println!("{}", metrics.line());
}
