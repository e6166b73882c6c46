//! `mds run --on aws`: runs a request as an execution of the state machine.

mod answer;
mod arn;
mod client;
mod map_run;
mod request;
mod watch;

use std::process::ExitCode;

use chrono::Utc;

use crate::args::RunArgs;
use crate::commands::run::huge::confirm_hours;
use crate::failure::usage;
use crate::output;
use crate::progress::Progress;
pub(crate) use arn::StateMachineArn;
use client::{Executions, Started};

pub(crate) const STATE_MACHINE: &str = "ATD_MDS_STATE_MACHINE_ARN";

/// Starts an execution, or finds the one that an earlier, equal request has started. Follows it
/// with `--watch`.
pub(crate) async fn run(
    args: &RunArgs,
    json: bool,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    let machine: StateMachineArn = std::env::var(STATE_MACHINE)
        .ok()
        .filter(|arn| !arn.trim().is_empty())
        .ok_or_else(|| {
            usage(format!(
                "{STATE_MACHINE} is not set: set it to the ARN of the state machine"
            ))
        })?
        .parse()
        .map_err(|e| usage(format!("{STATE_MACHINE}: {e}")))?;
    let now = Utc::now();
    let input = request::input(args, now)?;
    let derived = request::name(&input, now)?;
    let name = match &args.name {
        Some(name) => request::checked_name(name).map_err(usage)?,
        None => derived,
    };
    if args.blocks.dry_run {
        return print_input(&machine, &name, &input);
    }
    confirm_hours(request::hours(&input)?, args.blocks.yes).await?;
    let executions = Executions::new(machine).await?;
    let started = executions
        .start(&name, &input.to_string(), args.name.is_some())
        .await?;
    let arn = started.arn();
    match &started {
        Started::New(_) => note!("started {arn}"),
        Started::Running(_) => note!("the same request is running already: {arn}"),
        Started::Succeeded(_) if args.blocks.force => note!(
            "the same request has succeeded already: {arn}; --force does not start it twice within an hour: to do its \
             steps once more now, give it another --name"
        ),
        Started::Succeeded(_) => note!(
            "the same request has succeeded already: {arn}; to run it again, give it another --name"
        ),
    }
    note!("{}", arn::console_url(arn));
    if args.watch || matches!(started, Started::Succeeded(_)) {
        return watch::follow(&executions, arn, json, progress).await;
    }
    print_arn(arn, json)?;
    Ok(ExitCode::SUCCESS)
}

fn print_input(
    machine: &StateMachineArn,
    name: &str,
    input: &serde_json::Value,
) -> anyhow::Result<ExitCode> {
    note!("dry run: nothing is started; {machine} would get this input, as execution {name}:");
    output::json(input)?;
    Ok(ExitCode::SUCCESS)
}

fn print_arn(arn: &str, json: bool) -> anyhow::Result<()> {
    if json {
        output::json(&serde_json::json!({ "execution_arn": arn }))
    } else {
        output::text(arn)
    }
}
