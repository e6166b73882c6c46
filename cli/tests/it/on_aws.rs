//! `mds run --on aws` against a Step Functions that does what the test says.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use rstest::rstest;
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::support::{World, run, stderr, stdout, with};

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:mds-etl";
const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:mds-etl";
const HOURS: [&str; 7] = run("bird", "2020-01-15-12", "2020-01-15-14");

/// What Step Functions knows.
#[derive(Default)]
struct Known {
    /// How every execution that is started ends.
    end: Value,
    /// In which looks at it an execution is still running.
    running_looks: u32,
    executions: BTreeMap<String, Value>,
    map_runs: Vec<MapRun>,
    children_are_refused: bool,
    /// The error of every attempt to start an execution.
    refuses_start: Option<&'static str>,
    started: Vec<String>,
}

#[derive(Clone)]
struct MapRun {
    name: &'static str,
    start: u32,
    counts: Value,
    /// The failed child executions: input, error and cause.
    children: Vec<Value>,
}

struct States {
    known: Arc<Mutex<Known>>,
    server: MockServer,
}

struct Protocol(Arc<Mutex<Known>>);

impl Respond for Protocol {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let target = request.headers["x-amz-target"].to_str().unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let known = &mut self.0.lock().unwrap();
        let response = match target.rsplit('.').next().unwrap() {
            "StartExecution" => known.start(&body),
            "DescribeExecution" => known.describe(body["executionArn"].as_str().unwrap()),
            "ListMapRuns" => known.list_map_runs(),
            "DescribeMapRun" => known.describe_map_run(&body),
            "ListExecutions" => known.list_children(&body),
            other => panic!("{other}"),
        };
        match response {
            Ok(body) => ResponseTemplate::new(200).set_body_json(body),
            Err(error) => ResponseTemplate::new(400)
                .set_body_json(json!({"__type": error, "message": "as documented"})),
        }
    }
}

impl Known {
    fn start(&mut self, body: &Value) -> Result<Value, &'static str> {
        if let Some(error) = self.refuses_start {
            return Err(error);
        }
        let name = body["name"].as_str().unwrap().to_owned();
        let arn = format!("{EXECUTION}:{name}");
        if let Some(known) = self.executions.get(&arn) {
            return if known["status"] == "RUNNING" && known["input"] == body["input"] {
                Ok(json!({"executionArn": arn, "startDate": known["startDate"]}))
            } else {
                Err("ExecutionAlreadyExists")
            };
        }
        let now = chrono::Utc::now().timestamp();
        let mut execution = self.end.clone();
        execution["executionArn"] = json!(arn);
        execution["stateMachineArn"] = json!(MACHINE);
        execution["startDate"] = json!(1);
        execution["input"] = body["input"].clone();
        self.executions.insert(arn.clone(), execution);
        self.started.push(name);
        Ok(json!({"executionArn": arn, "startDate": now}))
    }

    fn describe(&mut self, arn: &str) -> Result<Value, &'static str> {
        let child = self.children().find(|child| child["executionArn"] == arn);
        if let Some(child) = child {
            return Ok(child);
        }
        let mut execution = self.executions[arn].clone();
        if self.running_looks > 0 {
            self.running_looks -= 1;
            execution["status"] = json!("RUNNING");
        }
        Ok(execution)
    }

    fn list_map_runs(&self) -> Result<Value, &'static str> {
        let runs = self.map_runs.iter().map(|run| {
            json!({
                "executionArn": EXECUTION, "mapRunArn": run.name, "stateMachineArn": MACHINE,
                "startDate": run.start
            })
        });
        Ok(json!({"mapRuns": runs.collect::<Vec<_>>()}))
    }

    fn describe_map_run(&self, body: &Value) -> Result<Value, &'static str> {
        let run = self
            .map_runs
            .iter()
            .find(|run| run.name == body["mapRunArn"]);
        let run = run.unwrap();
        Ok(json!({
            "mapRunArn": run.name, "executionArn": EXECUTION, "status": "RUNNING", "startDate": run.start,
            "maxConcurrency": 10, "toleratedFailurePercentage": 100.0, "toleratedFailureCount": 0,
            "itemCounts": run.counts, "executionCounts": run.counts
        }))
    }

    fn list_children(&self, body: &Value) -> Result<Value, &'static str> {
        assert!(body.get("stateMachineArn").is_none(), "one or the other");
        if self.children_are_refused {
            return Err("AccessDeniedException");
        }
        let run = self
            .map_runs
            .iter()
            .find(|run| run.name == body["mapRunArn"]);
        let children = run.unwrap().children.iter();
        let children: Vec<_> = children
            .filter(|child| child["status"] == body["statusFilter"])
            .map(|child| {
                json!({
                    "executionArn": child["executionArn"], "name": child["name"], "stateMachineArn": MACHINE,
                    "status": child["status"], "startDate": 1
                })
            })
            .collect();
        Ok(json!({"executions": children}))
    }

    fn children(&self) -> impl Iterator<Item = Value> {
        let runs = self.map_runs.iter();
        runs.flat_map(|run| run.children.clone())
    }
}

fn counts(succeeded: u32, failed: u32, running: u32) -> Value {
    json!({
        "pending": 0, "running": running, "succeeded": succeeded, "failed": failed, "timedOut": 0,
        "aborted": 0, "total": succeeded + failed + running, "resultsWritten": 0
    })
}

/// A child execution that ended in the state `Fail`, as the definition makes it.
fn child(name: &str, label: &str, error: &str, message: &str) -> Value {
    let cause = json!({"errorType": error, "errorMessage": message});
    json!({
        "executionArn": format!("{EXECUTION}/Blocks:{name}"), "name": name, "stateMachineArn": MACHINE,
        "status": "FAILED", "startDate": 1, "error": error, "cause": cause.to_string(),
        "input": json!({"provider": "bird", "label": label, "steps": ["extract"]}).to_string()
    })
}

fn summary(failed: u32, not_ready: u32) -> Value {
    json!({
        "run_id": "0197a1b2-0000-7000-8000-000000000000", "planned": 2, "done": 2 - failed - not_ready,
        "not_ready": not_ready, "failed": failed, "unfinished": 0, "trips_fetched": 7, "trips_loaded": 7,
        "trips_rejected": 0, "trips_duplicates": 0, "first_failed": [], "first_unfinished": []
    })
}

fn succeeded(not_ready: u32) -> Value {
    json!({"status": "SUCCEEDED", "output": summary(0, not_ready).to_string()})
}

impl States {
    async fn that_end(end: Value) -> Self {
        let known = Arc::new(Mutex::new(Known {
            end,
            ..Known::default()
        }));
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(Protocol(Arc::clone(&known)))
            .mount(&server)
            .await;
        Self { known, server }
    }

    async fn mds(&self, status: i32, args: &[&str]) -> Output {
        let output = on_aws(&self.server.uri(), args).await;
        assert_eq!(output.status.code(), Some(status), "{}", stderr(&output));
        output
    }

    fn started(&self) -> usize {
        self.known.lock().unwrap().started.len()
    }
}

async fn on_aws(endpoint: &str, args: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mds"));
    command
        .env_clear()
        .envs([
            ("ATD_MDS_STATE_MACHINE_ARN", MACHINE),
            ("AWS_ENDPOINT_URL_SFN", endpoint),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ])
        .args(args)
        .args(["--on", "aws"])
        .stdin(Stdio::null());
    World::output_of(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_not_started_again_and_hours_that_were_left_are() {
    let states = States::that_end(succeeded(1)).await;
    states.mds(0, &HOURS).await;
    states.known.lock().unwrap().end = succeeded(0);
    let again = states.mds(0, &HOURS).await;
    assert!(
        stderr(&again).contains("left hours that were not published then"),
        "{}",
        stderr(&again)
    );
    let started = states.known.lock().unwrap().started.clone();
    assert_eq!(started[1], format!("{}-2", started[0]));

    let done = states.mds(0, &HOURS).await;
    assert!(stderr(&done).contains("the same request has succeeded already"));
    assert!(stdout(&done).contains("of 2 blocks 2 done"));
    assert_eq!(states.started(), 2);
    let named = with(&HOURS, &["--name", "once-more"]);
    states.mds(0, &named).await;
    assert_eq!(states.started(), 3);
    states.mds(0, &named).await;
    assert_eq!(states.started(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_running_is_not_started_again() {
    let states = States::that_end(json!({"status": "RUNNING"})).await;
    let first = states.mds(0, &HOURS).await;
    assert!(
        stderr(&first).contains("started arn:"),
        "{}",
        stderr(&first)
    );
    let second = states.mds(0, &HOURS).await;
    assert!(
        stderr(&second).contains("the same request is running already"),
        "{}",
        stderr(&second)
    );
    assert_eq!(stdout(&first), stdout(&second));
    assert_eq!(states.started(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn force_within_the_hour_is_not_started_twice_and_the_command_says_so() {
    let states = States::that_end(succeeded(0)).await;
    let forced = with(&HOURS, &["--force"]);
    states.mds(0, &forced).await;
    let again = states.mds(0, &forced).await;
    // The hour may have ended in between.
    if states.started() == 1 {
        for words in [
            "does not start it twice within an hour",
            "give it another --name",
        ] {
            assert!(stderr(&again).contains(words), "{}", stderr(&again));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_cannot_be_read_starts_nothing() {
    let states = States::that_end(succeeded(0)).await;
    let output = states
        .mds(
            2,
            &["run", "--provider", "all", "--time-max", "2020-01-15-24"],
        )
        .await;
    assert!(
        stderr(&output).contains("2020-01-16-00"),
        "{}",
        stderr(&output)
    );
    assert_eq!(states.started(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watch_follows_the_newest_map_run_and_names_each_failed_block_once() {
    let message = "run 0197a1b2: of 3 blocks 1 done, 0 not published by the provider yet, 2 failed, 0 did not end";
    let cause = json!({"errorType": "RunHadFailures", "errorMessage": message});
    let states = States::that_end(json!({
        "status": "FAILED", "error": "RunHadFailures", "cause": cause.to_string()
    }))
    .await;
    {
        let mut known = states.known.lock().unwrap();
        known.running_looks = 2;
        // A Map that was tried again; the failed run may stand first, or last.
        let tried = |name, start| MapRun {
            name,
            start,
            counts: counts(0, 0, 0),
            children: Vec::new(),
        };
        known.map_runs = vec![
            tried("first", 10),
            MapRun {
                name: "newest",
                start: 30,
                counts: counts(1, 2, 0),
                children: vec![
                    child(
                        "a",
                        "2020-01-15-13",
                        "ProviderRejected",
                        "the token is refused",
                    ),
                    child("b", "2020-01-15-14", "Internal", "a defect"),
                ],
            },
            tried("second", 20),
        ];
    }
    let output = states.mds(1, &with(&HOURS, &["--watch"])).await;
    let said = stderr(&output);
    for line in [
        "failed: bird 2020-01-15-13: ProviderRejected: the token is refused\n",
        "failed: bird 2020-01-15-14: Internal: a defect\n",
        "3/3 blocks: summarizing, 2 failed\n",
    ] {
        assert_eq!(said.matches(line).count(), 1, "{line}: {said}");
    }
    assert_eq!(
        stdout(&output),
        format!("FAILED RunHadFailures: {message}\n")
    );

    let again = with(&HOURS, &["--watch", "--name", "json"]);
    let output = states.mds(1, &with(&["--json"], &again)).await;
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["cause"], message);
    assert_eq!(
        report["failed"][0],
        json!({
            "provider": "bird", "label": "2020-01-15-13", "error": "ProviderRejected",
            "message": "the token is refused"
        })
    );
    assert_eq!(report["counts"]["failed"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_step_functions_refuses_is_said_in_its_own_words() {
    let states = States::that_end(json!({"status": "ABORTED"})).await;
    {
        let mut known = states.known.lock().unwrap();
        known.children_are_refused = true;
        known.map_runs = vec![MapRun {
            name: "only",
            start: 1,
            counts: counts(5, 1, 0),
            children: Vec::new(),
        }];
    }
    let output = states.mds(1, &with(&HOURS, &["--watch"])).await;
    let said = stderr(&output);
    let line = "failed blocks cannot be named: AccessDeniedException: as documented\n";
    assert_eq!(said.matches(line).count(), 1, "{said}");
}

#[rstest]
#[case::wrong_region_or_name("StateMachineDoesNotExist", 2, "correct ATD_MDS_STATE_MACHINE_ARN")]
#[case::no_right("AccessDeniedException", 1, "AccessDeniedException: as documented")]
#[tokio::test(flavor = "multi_thread")]
async fn a_state_machine_that_does_not_exist_is_a_wrong_configuration(
    #[case] error: &'static str,
    #[case] status: i32,
    #[case] words: &str,
) {
    let states = States::that_end(succeeded(0)).await;
    states.known.lock().unwrap().refuses_start = Some(error);
    let said = stderr(&states.mds(status, &HOURS).await);
    assert!(said.contains(error) && said.contains(words), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_that_ends_without_its_summary_has_the_counts_of_its_map_run() {
    let states = States::that_end(json!({"status": "ABORTED"})).await;
    states.known.lock().unwrap().map_runs = vec![MapRun {
        name: "only",
        start: 1,
        counts: counts(5, 0, 2),
        children: Vec::new(),
    }];
    let output = states.mds(1, &with(&HOURS, &["--watch"])).await;
    assert_eq!(
        stdout(&output),
        "ABORTED: of 7 blocks 5 succeeded, 0 failed, 2 did not end\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_to_no_address_without_tls() {
    let output = on_aws("http://states.example.com", &HOURS).await;
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("AWS_ENDPOINT_URL_SFN must start with https://"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_providers_and_the_hours_behind_their_lag_are_sent_as_an_event_has_them() {
    let dry = async |arguments: &[&str]| -> (i32, String, Value) {
        let output = on_aws(
            "http://127.0.0.1:1",
            &with(&["run", "--dry-run"], arguments),
        )
        .await;
        let input = serde_json::from_str(&stdout(&output)).unwrap_or(Value::Null);
        (output.status.code().unwrap(), stderr(&output), input)
    };
    let hour = ["--time-max", "2020-01-15-13"];
    let (_, said, input) = dry(&with(&["--provider", "bird,lime"], &hour)).await;
    assert_eq!(input["providers"], json!(["bird", "lime"]));
    assert_eq!(input.get("provider"), None);
    assert!(
        said.contains("execution mds-bird-lime-2020-01-15-13-"),
        "{said}"
    );
    let (_, _, input) = dry(&with(&["--provider", "bird"], &hour)).await;
    assert_eq!(
        (&input["provider"], input.get("providers")),
        (&json!("bird"), None)
    );

    let (_, _, input) = dry(&["--provider", "all", "--scheduled", "--interval", "3"]).await;
    let scheduled = input["scheduled_time"].as_str().unwrap();
    assert!(scheduled.ends_with(":00:00Z"), "{input}");
    assert_eq!(
        (&input["interval"], input.get("time_max")),
        (&json!(3), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_asked_for_is_no_success_there_either() {
    let plan = |reason: &str| {
        let output = json!({"block_count": 0, "nothing": {"reason": reason, "message": "nothing to do: why"}});
        json!({"status": "SUCCEEDED", "output": output.to_string()})
    };
    let states = States::that_end(plan("not_archived")).await;
    let output = states.mds(2, &with(&HOURS, &["--watch"])).await;
    assert!(stderr(&output).contains("nothing to do: why"));
    let states = States::that_end(plan("done")).await;
    let output = states.mds(0, &with(&HOURS, &["--watch"])).await;
    assert_eq!(stdout(&output), "nothing to do: why\n");
    let years = [
        "run",
        "--provider",
        "all",
        "--time-min",
        "2010-01-01-00",
        "--time-max",
        "2020-01-01-00",
    ];
    let output = states.mds(2, &years).await;
    assert!(stderr(&output).contains("--yes"), "{}", stderr(&output));
    states.mds(0, &with(&years, &["--yes"])).await;
}
