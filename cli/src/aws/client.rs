//! Step Functions: starts an execution at most once and reads its state.

use anyhow::Context as _;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::{Builder, Region};
use aws_sdk_sfn::error::DisplayErrorContext;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, MapRunItemCounts};
use vault::AwsOptions;

use crate::aws::arn::StateMachineArn;
use crate::failure::usage;

const ENDPOINT: &str = "AWS_ENDPOINT_URL_SFN";
/// How often an equal request can be started, each time after the execution before it failed.
const MAX_ATTEMPTS: u32 = 99;

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
        if let Some(endpoint) = std::env::var(ENDPOINT).ok().filter(|url| !url.is_empty()) {
            config.set_endpoint_url(Some(endpoint));
        }
        Ok(Self {
            client: Client::from_conf(config.build()),
            machine,
        })
    }

    /// Starts an execution of this name, unless one is running or has succeeded. If it has failed,
    /// the next attempt appends a number to the name; a name given with `--name` is not changed.
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
            if let Some(started) = self.start_as(&name, input).await? {
                return Ok(started);
            }
            if is_given {
                return Err(usage(format!(
                    "the execution {name} has ended without success; give another --name"
                )));
            }
        }
        Err(usage(format!(
            "the same request has failed {MAX_ATTEMPTS} times; find out why, then give a --name"
        )))
    }

    /// Returns `None` if an execution of this name has failed.
    async fn start_as(&self, name: &str, input: &str) -> anyhow::Result<Option<Started>> {
        let started = self
            .client
            .start_execution()
            .state_machine_arn(self.machine.to_string())
            .name(name)
            .input(input)
            .send()
            .await;
        let error = match started {
            Ok(started) => return Ok(Some(Started::New(started.execution_arn))),
            Err(error) => error,
        };
        if !error
            .as_service_error()
            .is_some_and(aws_sdk_sfn::operation::start_execution::StartExecutionError::is_execution_already_exists)
        {
            anyhow::bail!("cannot start the execution: {}", DisplayErrorContext(&error));
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
                Some(Started::Running(known.execution_arn))
            }
            ExecutionStatus::Succeeded => Some(Started::Succeeded(known.execution_arn)),
            _ => None,
        })
    }

    pub(crate) async fn describe(&self, arn: &str) -> anyhow::Result<DescribeExecutionOutput> {
        self.client
            .describe_execution()
            .execution_arn(arn)
            .send()
            .await
            .map_err(|error| anyhow::anyhow!("{}", DisplayErrorContext(&error)))
            .with_context(|| format!("cannot read the state of {arn}"))
    }

    /// The number of an execution's blocks in each state, or `None` before its Map state has begun.
    pub(crate) async fn blocks(&self, arn: &str) -> anyhow::Result<Option<MapRunItemCounts>> {
        let runs = self
            .client
            .list_map_runs()
            .execution_arn(arn)
            .send()
            .await
            .map_err(|error| anyhow::anyhow!("{}", DisplayErrorContext(&error)))?;
        let Some(run) = runs.map_runs().first() else {
            return Ok(None);
        };
        let run = self
            .client
            .describe_map_run()
            .map_run_arn(run.map_run_arn())
            .send()
            .await
            .map_err(|error| anyhow::anyhow!("{}", DisplayErrorContext(&error)))?;
        Ok(run.item_counts)
    }
}

fn is_same_json(a: &str, b: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    parse(a) == parse(b)
}
