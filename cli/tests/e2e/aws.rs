//! The local AWS of `infra/local`, connected to the services of a stack.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client as Secrets;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::World;

const MAX_WAIT: Duration = Duration::from_secs(600);
/// The secret with the Fernet keys.
pub(crate) const KEY_SECRET: &str = "mds/fernet-keys";

/// A state machine whose functions use the services of a world. Dropping it ends its processes.
pub(crate) struct Aws {
    pub(crate) world: World,
    pub(crate) endpoint_url: String,
    pub(crate) state_machine_arn: String,
    client: Client,
    process: Child,
    answers: Mutex<BufReader<ChildStdout>>,
    logs: TempDir,
}

#[derive(Deserialize)]
struct Ready {
    endpoint_url: String,
    state_machine_arn: String,
}

/// How an execution ended.
pub(crate) struct Ended {
    pub(crate) status: ExecutionStatus,
    pub(crate) output: Value,
    pub(crate) error: String,
    pub(crate) cause: String,
}

impl Aws {
    pub(crate) async fn over(world: World) -> Self {
        Self::start_with(world, &[]).await
    }

    /// As [`Aws::over`], but the functions have the Fernet keys from [`KEY_SECRET`].
    pub(crate) async fn with_keys_in_secret(world: World) -> Self {
        Self::start_with(world, &["--key-secret", KEY_SECRET]).await
    }

    /// As [`Aws::over`], with further options of `infra/local/aws.py`.
    pub(crate) async fn start_with(world: World, options: &[&str]) -> Self {
        let logs = TempDir::with_prefix("mds-e2e-").unwrap();
        let env_file = logs.path().join("functions.env");
        std::fs::write(&env_file, world.stack.env_file()).unwrap();
        let mut process = Command::new(python("MDS_E2E_PYTHON"))
            .arg(root().join("infra/local/aws.py"))
            .arg("--env-file")
            .arg(&env_file)
            .arg("--functions")
            .arg(binaries())
            .arg("--logs")
            .arg(logs.path())
            .args(options)
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(logs.path().join("launcher.log")).unwrap())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let line = next_line(&mut answers);
        let log = || std::fs::read_to_string(logs.path().join("launcher.log")).unwrap();
        let ready: Ready = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}", log()));
        let config = aws_sdk_sfn::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "tests"))
            .endpoint_url(&ready.endpoint_url)
            .build();
        Self {
            world,
            endpoint_url: ready.endpoint_url,
            state_machine_arn: ready.state_machine_arn,
            client: Client::from_conf(config),
            process,
            answers: Mutex::new(answers),
            logs,
        }
    }

    /// Replaces every environment of the functions.
    pub(crate) fn restart(&mut self) {
        let answer = self.command("restart");
        assert!(answer.get("restarted").is_some(), "{answer}");
    }

    /// Gives `infra/local/aws.py` a command, and returns its response.
    pub(crate) fn command(&self, line: &str) -> Value {
        let mut answers = self.answers.lock().unwrap();
        let mut commands = self.process.stdin.as_ref().unwrap();
        commands.write_all(format!("{line}\n").as_bytes()).unwrap();
        serde_json::from_str(&next_line(&mut answers)).unwrap()
    }

    /// The client of the Secrets Manager that has [`KEY_SECRET`].
    pub(crate) fn secrets(&self) -> Secrets {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "tests"))
            .endpoint_url(&self.endpoint_url)
            .build();
        Secrets::from_conf(config)
    }

    /// Runs `mds` on this state machine, and expects this exit status.
    pub(crate) async fn expect(&self, status: i32, args: &[&str]) -> Output {
        let mut command = self.world.mds(args);
        command
            .env("ATD_MDS_STATE_MACHINE_ARN", &self.state_machine_arn)
            .env("AWS_ENDPOINT_URL_SFN", &self.endpoint_url);
        let output = World::output_of(command).await;
        assert_eq!(
            output.status.code(),
            Some(status),
            "mds {}\n{}\n{}\n{}",
            args.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            self.logs()
        );
        output
    }

    /// Starts an execution as an engineer in the console does, and waits for its end.
    pub(crate) async fn execute(&self, name: &str, input: &Value) -> Ended {
        self.start(Some(name), input).await
    }

    /// Starts an execution as a schedule does, without a name, and waits for its end.
    pub(crate) async fn execute_unnamed(&self, input: &Value) -> Ended {
        self.start(None, input).await
    }

    async fn start(&self, name: Option<&str>, input: &Value) -> Ended {
        let arn = self.begin(name, input).await;
        self.ended(&arn).await
    }

    /// Starts an execution, and returns its ARN.
    pub(crate) async fn begin(&self, name: Option<&str>, input: &Value) -> String {
        let started = self
            .client
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .set_name(name.map(str::to_owned))
            .input(input.to_string())
            .send()
            .await
            .unwrap();
        started.execution_arn
    }

    /// How many child executions of an execution's Map have failed.
    pub(crate) async fn failed_children(&self, name: &str) -> i64 {
        let arn = self
            .state_machine_arn
            .replace(":stateMachine:", ":execution:");
        let counts = self.failed_children_of(&format!("{arn}:{name}")).await;
        let [failed] = counts.as_slice() else {
            panic!("{name} has {} Map runs", counts.len());
        };
        *failed
    }

    /// The same for each Map of an execution.
    pub(crate) async fn failed_children_of(&self, arn: &str) -> Vec<i64> {
        let runs = self.client.list_map_runs().execution_arn(arn).send();
        let mut counts = Vec::new();
        for run in runs.await.unwrap().map_runs {
            let run = self
                .client
                .describe_map_run()
                .map_run_arn(run.map_run_arn())
                .send();
            counts.push(run.await.unwrap().item_counts().unwrap().failed());
        }
        counts
    }

    pub(crate) async fn ended(&self, arn: &str) -> Ended {
        let deadline = Instant::now() + MAX_WAIT;
        loop {
            let execution = self.describe(arn).await;
            if *execution.status() != ExecutionStatus::Running {
                return Ended {
                    status: execution.status().clone(),
                    output: execution
                        .output()
                        .map_or(Value::Null, |text| serde_json::from_str(text).unwrap()),
                    error: execution.error().unwrap_or_default().to_owned(),
                    cause: execution.cause().unwrap_or_default().to_owned(),
                };
            }
            assert!(
                Instant::now() < deadline,
                "{arn} did not end in time\n{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn describe(&self, arn: &str) -> DescribeExecutionOutput {
        self.client
            .describe_execution()
            .execution_arn(arn)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn execution_count(&self) -> usize {
        let executions = self
            .client
            .list_executions()
            .state_machine_arn(&self.state_machine_arn)
            .send();
        executions.await.unwrap().executions.len()
    }

    /// The size of the largest input or output in the execution's history.
    pub(crate) async fn largest_payload(&self, name: &str) -> usize {
        let arn = self
            .state_machine_arn
            .replace(":stateMachine:", ":execution:");
        let history = self
            .client
            .get_execution_history()
            .execution_arn(format!("{arn}:{name}"))
            .send();
        let events = history.await.unwrap().events;
        events.iter().map(payload_of).max().unwrap()
    }

    /// The log files of the processes, for the message of a failed test.
    pub(crate) fn logs(&self) -> String {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.logs.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "log"))
            .collect();
        files.sort();
        let mut logs = String::new();
        for file in files {
            let text = std::fs::read(&file).unwrap();
            logs += &format!("\n== {}\n", file.display());
            logs += &String::from_utf8_lossy(&text);
        }
        logs
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // The launcher ends when its standard input is closed.
        let _ = self.process.wait();
    }
}

/// The next line, read while the services in this process keep running.
fn next_line(answers: &mut BufReader<ChildStdout>) -> String {
    tokio::task::block_in_place(|| {
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        line
    })
}

fn payload_of(event: &HistoryEvent) -> usize {
    let entered = event
        .state_entered_event_details()
        .and_then(|details| details.input())
        .map_or(0, str::len);
    let exited = event
        .state_exited_event_details()
        .and_then(|details| details.output())
        .map_or(0, str::len);
    entered.max(exited)
}

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The path of a Python interpreter that `make e2e` has installed.
pub(crate) fn python(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run these tests with `make e2e`"))
}

/// The folder of the functions' binaries, which are built next to `mds`.
fn binaries() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_mds"))
        .parent()
        .unwrap()
        .to_owned()
}
