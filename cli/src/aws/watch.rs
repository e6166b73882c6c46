//! Follows an execution to its end.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, MapRunItemCounts};
use serde_json::Value;
use store::RunSummary;

use crate::aws::client::Executions;
use crate::commands::run::nothing_to_do;
use crate::failure::{FAILED, USAGE};
use crate::progress::Progress;
use crate::signals;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// How many requests for the state may fail in a row.
const MAX_FAILURES: u32 = 10;

/// Shows the progress of an execution, then its result.
pub(crate) async fn follow(
    executions: &Executions,
    arn: &str,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    let ended = tokio::select! {
        ended = until_ended(executions, arn, progress) => ended,
        stop = signals::stop_requested() => {
            stop?;
            progress.end();
            eprintln!(
                "stopped watching; the execution continues. `aws stepfunctions stop-execution --execution-arn {arn}` stops it"
            );
            return Ok(ExitCode::from(signals::STOPPED));
        }
    };
    progress.end();
    report(&ended?, json)
}

async fn until_ended(
    executions: &Executions,
    arn: &str,
    progress: &Progress,
) -> anyhow::Result<DescribeExecutionOutput> {
    let mut pause = FIRST_PAUSE;
    let mut failures = 0;
    let mut last = None;
    loop {
        match state(executions, arn).await {
            Ok((execution, _)) if *execution.status() != ExecutionStatus::Running => {
                return Ok(execution);
            }
            Ok((_, counts)) => {
                failures = 0;
                let now = counts.as_ref().map(Counts::of).unwrap_or_default();
                if last.as_ref() != Some(&now) {
                    progress.elsewhere(now.ended, now.total, now.message());
                    last = Some(now);
                }
            }
            Err(error) if failures >= MAX_FAILURES => {
                return Err(
                    error.context("the execution continues, but its state can no longer be read")
                );
            }
            Err(_) => failures += 1,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(MAX_PAUSE);
    }
}

async fn state(
    executions: &Executions,
    arn: &str,
) -> anyhow::Result<(DescribeExecutionOutput, Option<MapRunItemCounts>)> {
    Ok((
        executions.describe(arn).await?,
        executions.blocks(arn).await?,
    ))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    total: u64,
    ended: u64,
    running: u64,
}

impl Counts {
    fn of(counts: &MapRunItemCounts) -> Self {
        let number = |n: i64| u64::try_from(n).unwrap_or_default();
        Self {
            total: number(counts.total()),
            ended: number(
                counts.succeeded() + counts.failed() + counts.timed_out() + counts.aborted(),
            ),
            running: number(counts.running()),
        }
    }

    fn message(&self) -> String {
        match self {
            Self { total: 0, .. } => "planning".to_owned(),
            Self { total, ended, .. } if total == ended => "summarizing".to_owned(),
            Self { running, .. } => format!("{running} under way"),
        }
    }
}

#[expect(clippy::print_stdout, reason = "the summary is this command's data")]
fn report(execution: &DescribeExecutionOutput, json: bool) -> anyhow::Result<ExitCode> {
    if *execution.status() == ExecutionStatus::Succeeded {
        let output = execution.output().context("the execution has no output")?;
        println!(
            "{}",
            if json {
                output.to_owned()
            } else {
                describe(output)?
            }
        );
        return Ok(ExitCode::SUCCESS);
    }
    let error = execution.error().unwrap_or_default();
    let cause = error_message(execution.cause().unwrap_or_default());
    if json {
        let report = serde_json::json!({
            "status": execution.status().as_str(), "error": error, "cause": cause
        });
        println!("{report}");
    } else {
        println!("{} {error}: {cause}", execution.status().as_str());
    }
    Ok(ExitCode::from(match error {
        "InvalidInput" | "ConfigInvalid" => USAGE,
        _ => FAILED,
    }))
}

/// Describes an execution's output: the summary of a run, or the plan of one with nothing to do.
fn describe(output: &str) -> anyhow::Result<String> {
    if let Ok(summary) = serde_json::from_str::<RunSummary>(output) {
        return Ok(summary.to_string());
    }
    Ok(nothing_to_do(&serde_json::from_str(output)?))
}

/// The error message in a cause. Lambda wraps a function's message in JSON.
fn error_message(cause: &str) -> String {
    serde_json::from_str::<Value>(cause)
        .ok()
        .and_then(|cause| Some(cause.get("errorMessage")?.as_str()?.to_owned()))
        .unwrap_or_else(|| cause.to_owned())
}
