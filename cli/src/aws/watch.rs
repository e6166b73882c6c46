//! Follows an execution to its end.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::ExecutionStatus;
use pipeline::{Nothing, RunSummary};
use serde::Deserialize;
use serde_json::Value;

use crate::aws::client::Executions;
use crate::aws::map_run::{Counts, FailedBlock, FailedBlocks, MapRun};
use crate::commands::run::report::summary_text;
use crate::failure::{FAILED, USAGE, usage};
use crate::output;
use crate::progress::Progress;
use crate::signals;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// How many requests for the state may fail in a row.
const MAX_FAILURES: u32 = 10;
/// The error of a summary that counts failed blocks.
const SUMMARY_FAILED: &str = "RunHadFailures";

/// An execution that has ended.
struct Ended {
    execution: DescribeExecutionOutput,
    counts: Option<Counts>,
    failed: Vec<FailedBlock>,
}

/// Shows the progress of an execution and its failed blocks, then its result.
pub(crate) async fn follow(
    executions: &Executions,
    arn: &str,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    let mut watch = Watch {
        executions,
        arn,
        progress,
        failed: FailedBlocks::default(),
        shown: None,
    };
    let ended = tokio::select! {
        ended = watch.until_ended() => ended,
        stop = signals::stop_status() => {
            let status = stop?;
            progress.end();
            note!(
                "stopped watching; the execution continues. `aws stepfunctions stop-execution --execution-arn {arn}` stops it"
            );
            return Ok(ExitCode::from(status));
        }
    };
    progress.end();
    report(&ended?, json)
}

struct Watch<'a> {
    executions: &'a Executions,
    arn: &'a str,
    progress: &'a Progress,
    failed: FailedBlocks,
    shown: Option<Counts>,
}

impl Watch<'_> {
    async fn until_ended(&mut self) -> anyhow::Result<Ended> {
        let mut pause = FIRST_PAUSE;
        let mut failures = 0;
        loop {
            match self.look().await {
                Ok((execution, map_run)) => {
                    failures = 0;
                    self.name_failed(map_run.as_ref()).await;
                    if !is_under_way(execution.status()) {
                        return Ok(Ended {
                            execution,
                            counts: map_run.map(|run| run.counts),
                            failed: std::mem::take(&mut self.failed.named),
                        });
                    }
                    self.show(map_run.map(|run| run.counts).unwrap_or_default());
                }
                Err(error) if failures >= MAX_FAILURES => {
                    return Err(error
                        .context("the execution continues, but its state can no longer be read"));
                }
                Err(_) => failures += 1,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(MAX_PAUSE);
        }
    }

    async fn look(&self) -> anyhow::Result<(DescribeExecutionOutput, Option<MapRun>)> {
        Ok((
            self.executions.describe(self.arn).await?,
            self.executions.map_run(self.arn).await?,
        ))
    }

    fn show(&mut self, counts: Counts) {
        if self.shown != Some(counts) {
            self.progress
                .elsewhere(counts.ended(), counts.total, counts.message());
            self.shown = Some(counts);
        }
    }

    /// The run goes on, and is counted, whether its failed blocks can be named or not.
    async fn name_failed(&mut self, map_run: Option<&MapRun>) {
        let Some(map_run) = map_run else {
            return;
        };
        match self.failed.new_ones(self.executions, map_run).await {
            Ok(blocks) => {
                for block in blocks {
                    self.progress.note(&format!("failed: {block}"));
                }
            }
            Err(error) => self
                .progress
                .note(&format!("failed blocks cannot be named: {error:#}")),
        }
    }
}

fn is_under_way(status: &ExecutionStatus) -> bool {
    matches!(
        status,
        ExecutionStatus::Running | ExecutionStatus::PendingRedrive
    )
}

fn report(ended: &Ended, json: bool) -> anyhow::Result<ExitCode> {
    let execution = &ended.execution;
    if *execution.status() == ExecutionStatus::Succeeded {
        let output = execution.output().context("the execution has no output")?;
        return report_output(output, json);
    }
    let error = execution.error().unwrap_or_default();
    let cause = error_message(execution.cause().unwrap_or_default());
    if json {
        let report = serde_json::json!({
            "status": execution.status().as_str(), "error": error, "cause": cause,
            "counts": ended.counts, "failed": ended.failed
        });
        output::json(&report)?;
    } else {
        output::text(&describe_failure(ended, error, &cause))?;
    }
    Ok(ExitCode::from(match error {
        "InvalidInput" | "ConfigInvalid" => USAGE,
        _ => FAILED,
    }))
}

/// The summary's counts are in its error; an execution that ended without it has those of its Map
/// run.
fn describe_failure(ended: &Ended, error: &str, cause: &str) -> String {
    let status = ended.execution.status().as_str();
    let mut text = [status, error].join(" ").trim_end().to_owned();
    let counts = ended.counts.filter(|_| error != SUMMARY_FAILED);
    let counts = counts.map(|counts| counts.to_string()).unwrap_or_default();
    for part in [cause, &counts].into_iter().filter(|part| !part.is_empty()) {
        text.push_str(": ");
        text.push_str(part);
    }
    text
}

/// What is read of the plan of a run with nothing to do. A plan of an older version tells no
/// reason.
#[derive(Deserialize)]
struct EmptyPlan {
    nothing: Option<Nothing>,
}

/// Prints an execution's output: the summary of a run, or the plan of one with nothing to do.
fn report_output(text: &str, json: bool) -> anyhow::Result<ExitCode> {
    let document: Value = serde_json::from_str(text)?;
    if json {
        output::json(&document)?;
    }
    if let Ok(summary) = serde_json::from_value::<RunSummary>(document.clone()) {
        if !json {
            output::text(&summary_text(&summary))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let plan: EmptyPlan = serde_json::from_value(document)?;
    match plan.nothing {
        Some(nothing) if !nothing.is_done() => return Err(usage(nothing.message)),
        _ if json => {}
        Some(nothing) => output::text(&nothing.message)?,
        None => output::text("nothing to do")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The error message in a cause. Lambda wraps a function's message in JSON.
pub(super) fn error_message(cause: &str) -> String {
    serde_json::from_str::<Value>(cause)
        .ok()
        .and_then(|cause| Some(cause.get("errorMessage")?.as_str()?.to_owned()))
        .unwrap_or_else(|| cause.to_owned())
}
