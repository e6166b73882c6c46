//! Step Functions: starts an execution at most once and reads its state.

use anyhow::Context as _;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::{Builder, Region};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::operation::start_execution::{StartExecutionError, StartExecutionOutput};
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;
use vault::AwsOptions;

use crate::aws::STATE_MACHINE;
use crate::aws::answer::refusal;
use crate::aws::arn::StateMachineArn;
use crate::failure::usage;

const ENDPOINT: &str = "AWS_ENDPOINT_URL_SFN";
const COMMON_ENDPOINT: &str = "AWS_ENDPOINT_URL";
/// How often an equal request can be started, each time after the execution before it failed.
const MAX_ATTEMPTS: u32 = 99;
/// How far this machine's clock may be ahead of Step Functions' before a new execution looks like
/// one that was running.
const MAX_CLOCK_DIFFERENCE_SECONDS: i64 = 60;

/// The executions of one state machine.
pub(crate) struct Executions {
    client: Client,
    machine: StateMachineArn,
}

/// The result of a request to start an execution, with its ARN.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Started {
    /// A new execution was started.
    New(String),
    /// An execution of the same request is running.
    Running(String),
    /// An execution of the same request has succeeded.
    Succeeded(String),
}

impl Started {
    pub(crate) fn arn(&self) -> &str {
        match self {
            Self::New(arn) | Self::Running(arn) | Self::Succeeded(arn) => arn,
        }
    }
}

impl Executions {
    pub(crate) async fn new(machine: StateMachineArn) -> anyhow::Result<Self> {
        let sdk = AwsOptions::from_lookup(|name| std::env::var(name).ok())
            .load()
            .await;
        let mut config = Builder::from(&sdk).region(Region::new(machine.region.clone()));
        let own = std::env::var(ENDPOINT).unwrap_or_default();
        let own = Some(own.trim()).filter(|url| !url.is_empty());
        if let Some(url) = own {
            config::check_endpoint(ENDPOINT, url)?;
            config.set_endpoint_url(Some(url.to_owned()));
        } else if let Some(url) = sdk.endpoint_url() {
            config::check_endpoint(COMMON_ENDPOINT, url)?;
        }
        Ok(Self {
            client: Client::from_conf(config.build()),
            machine,
        })
    }

    /// Starts an execution of this name, unless one is running or has done everything. If it has
    /// failed or left hours, the next attempt appends a number to the name; a name given with
    /// `--name` is not changed.
    pub(crate) async fn start(
        &self,
        name: &str,
        input: &str,
        is_given: bool,
    ) -> anyhow::Result<Started> {
        for n in 1..=MAX_ATTEMPTS {
            let name = if n == 1 {
                name.to_owned()
            } else {
                format!("{name}-{n}")
            };
            match self.start_as(&name, input).await? {
                Named::Started(started) => return Ok(started),
                Named::LeftHours(arn) if is_given => return Ok(Started::Succeeded(arn)),
                Named::Failed if is_given => {
                    return Err(usage(format!(
                        "the execution {name} has ended without success; give another --name"
                    )));
                }
                Named::LeftHours(arn) => note!(
                    "the same request has succeeded already, but left hours that were not published then: {arn}"
                ),
                Named::Failed => {}
            }
        }
        Err(usage(format!(
            "the same request was started {MAX_ATTEMPTS} times; find out why, then give a --name"
        )))
    }

    async fn start_as(&self, name: &str, input: &str) -> anyhow::Result<Named> {
        let started = self
            .client
            .start_execution()
            .state_machine_arn(self.machine.to_string())
            .name(name)
            .input(input)
            .send()
            .await;
        let error = match started {
            Ok(started) => return Ok(Named::Started(newly_started(started))),
            Err(error) => error,
        };
        if !error
            .as_service_error()
            .is_some_and(StartExecutionError::is_execution_already_exists)
        {
            let why = refusal(&error).context("cannot start the execution");
            return Err(match error.as_service_error() {
                Some(
                    StartExecutionError::StateMachineDoesNotExist(_)
                    | StartExecutionError::InvalidArn(_),
                ) => usage(format!(
                    "{why:#}; correct {STATE_MACHINE}, which names its region and account as well"
                )),
                _ => why,
            });
        }
        let known = self.describe(&self.machine.execution(name)).await?;
        if known
            .input()
            .is_some_and(|known| !is_same_json(known, input))
        {
            return Err(usage(format!(
                "an execution named {name} exists with another input; give another --name"
            )));
        }
        Ok(match known.status() {
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => {
                Named::Started(Started::Running(known.execution_arn))
            }
            ExecutionStatus::Succeeded if has_left_hours(known.output()) => {
                Named::LeftHours(known.execution_arn)
            }
            ExecutionStatus::Succeeded => Named::Started(Started::Succeeded(known.execution_arn)),
            _ => Named::Failed,
        })
    }

    pub(crate) async fn describe(&self, arn: &str) -> anyhow::Result<DescribeExecutionOutput> {
        self.client
            .describe_execution()
            .execution_arn(arn)
            .send()
            .await
            .map_err(|error| refusal(&error))
            .with_context(|| format!("cannot read the state of {arn}"))
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

/// What there is under a name, after an attempt to start it.
enum Named {
    Started(Started),
    /// An execution that has succeeded, except that hours were not published by their provider.
    LeftHours(String),
    Failed,
}

/// Step Functions accepts the name and the input of an execution that is running, and returns that
/// one with the time at which it began.
fn newly_started(started: StartExecutionOutput) -> Started {
    let age = chrono::Utc::now().timestamp() - started.start_date().secs();
    if age > MAX_CLOCK_DIFFERENCE_SECONDS {
        Started::Running(started.execution_arn)
    } else {
        Started::New(started.execution_arn)
    }
}

/// Whether hours of a run were not there yet when it ended with this output, the summary or the
/// plan.
fn has_left_hours(output: Option<&str>) -> bool {
    let output: Value = serde_json::from_str(output.unwrap_or_default()).unwrap_or_default();
    ["not_ready", "not_ended"]
        .iter()
        .any(|member| output[member].as_u64().is_some_and(|hours| hours > 0))
}

fn is_same_json(a: &str, b: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    parse(a) == parse(b)
}
