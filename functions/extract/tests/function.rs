//! The function's binary on a Lambda Runtime API, with real services.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use local_stack::{LocalStack, StackOptions, planned_item};
use sandbox_lambda::{Extensions, FunctionProcess, InvokeError};
use sandbox_provider::{Fault, ProviderOptions, Times};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_extract");

async fn stack() -> LocalStack {
    let providers = BTreeMap::from([("bird".to_owned(), ProviderOptions::default())]);
    let mut options = StackOptions::with_providers(providers);
    options
        .provider_settings
        .insert("max_attempts".to_owned(), json!(1));
    LocalStack::start(options).await.unwrap()
}

/// The planned item for the hour of the sample event.
async fn event(stack: &LocalStack) -> Value {
    let ctx = stack.context().await.unwrap();
    let item = planned_item(&ctx, "bird", "2020-01-15-13").await.unwrap();
    serde_json::to_value(item).unwrap()
}

async fn number(stack: &LocalStack, query: &str) -> i64 {
    let (client, connection) = tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client.query_one(query, &[]).await.unwrap().get(0)
}

fn name_of(error: InvokeError) -> String {
    match error {
        InvokeError::Function(error) => error.error_type,
        other => panic!("{other}"),
    }
}

fn json_lines(function: &FunctionProcess) -> Vec<Value> {
    function
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_is_archived_with_log_lines_and_metrics() {
    let stack = stack().await;
    let item = event(&stack).await;
    let function = stack.function(BINARY).await.unwrap();
    let done = function.invoke(&item).await.unwrap();
    let trips = done["extract"]["trip_count"].as_u64().unwrap();
    assert!(trips > 0);
    let key = done["extract"]["trips_key"].as_str().unwrap();
    assert_eq!(key, "staging/bird/2020/1/15/12/trips.json");
    assert!(stack.bucket_folder().join(key).exists());

    let is_archived = |line: &Value| line["message"] == "block archived";
    let archived = function.json_line(is_archived).await.unwrap();
    assert_eq!(archived["run_id"], item["run_id"]);
    assert_eq!(archived["step"], "extract");
    assert_eq!(archived["block.provider"], "bird");
    assert_eq!(archived["block.label"], "2020-01-15-13");
    assert_eq!(archived["trips.fetched"], trips);
    let is_metrics = |line: &Value| line.get("_aws").is_some();
    let metrics = function.json_line(is_metrics).await.unwrap();
    assert_eq!(metrics["TripsFetched"].as_f64().unwrap(), trips as f64);
    assert!(metrics["StepSeconds"].as_f64().unwrap() > 0.0);

    let log = function.lines().concat();
    let provider = &stack.providers["bird"];
    let token = provider.entry()["token"].as_str().unwrap().to_owned();
    for secret in [
        &token,
        &stack.env["ATD_MDS_FERNET_KEY"],
        &stack.database_url,
    ] {
        assert!(!log.contains(secret.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_would_be_cut_off_stops_in_time_and_can_be_repeated() {
    let stack = stack().await;
    let item = event(&stack).await;
    let hour = item["block_start"].as_str().unwrap().parse().unwrap();
    stack.providers["bird"].fail_hour(hour, Fault::Stall(Duration::from_secs(60)), Times::Next(1));
    let function = stack.function(BINARY).await.unwrap();
    let time = Duration::from_secs(5);
    let error = function.invoke_within(&item, time).await.unwrap_err();
    let InvokeError::Function(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.error_type, "ProviderUnavailable");
    assert!(error.error_message.contains("nothing is lost"), "{error:?}");
    let status = "SELECT status_id::bigint FROM api.schedule";
    assert_eq!(number(&stack, status).await, 0);
    let failed = "SELECT count(*) FROM api.run_blocks WHERE outcome = 'failed'";
    assert_eq!(number(&stack, failed).await, 1);
    let has_failed = |line: &Value| line["message"] == "function failed";
    let line = function.json_line(has_failed).await.unwrap();
    assert_eq!(line["error.name"], "ProviderUnavailable");
    assert_eq!(line["block.label"], "2020-01-15-13");
    assert!(line["request_id"].is_string(), "{line}");

    function.invoke(&item).await.unwrap();
    assert_eq!(number(&stack, status).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_names_that_the_state_machine_matches_on() {
    let stack = stack().await;
    let item = event(&stack).await;
    let function = stack.function(BINARY).await.unwrap();

    let nonsense = function.invoke(&json!({"provider": "bird"})).await;
    assert_eq!(name_of(nonsense.unwrap_err()), "InvalidInput");
    let sample = include_str!("../events/block.json")
        .replace("\"schedule_id\": 1,", "\"schedule_id\": 999999,");
    let unknown = function
        .invoke(&serde_json::from_str(&sample).unwrap())
        .await;
    assert_eq!(name_of(unknown.unwrap_err()), "InvalidInput");

    let hour = item["block_start"].as_str().unwrap().parse().unwrap();
    for (status, name) in [
        (503, "ProviderUnavailable"),
        (401, "ProviderRejected"),
        (429, "ProviderThrottled"),
    ] {
        stack.providers["bird"].fail_hour(
            hour,
            Fault::Status {
                status,
                retry_after: None,
            },
            Times::Next(1),
        );
        let failed = function.invoke(&item).await;
        assert_eq!(name_of(failed.unwrap_err()), name);
    }
    function.invoke(&item).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_configuration_is_an_error_with_a_name_and_can_be_mended() {
    let stack = stack().await;
    let mut item = event(&stack).await;
    // Of no plan, so that it is done with the configuration of now.
    item.as_object_mut().unwrap().remove("config");
    let database = json!(stack.database_url);
    stack
        .put_setting("DATABASE_URL", json!(null))
        .await
        .unwrap();
    let function = stack.function(BINARY).await.unwrap();
    let InvokeError::Function(error) = function.invoke(&item).await.unwrap_err() else {
        panic!("the function did not return an error")
    };
    assert_eq!(error.error_type, "ConfigInvalid");
    assert!(error.error_message.contains("DATABASE_URL"), "{error:?}");

    stack.put_setting("DATABASE_URL", database).await.unwrap();
    function.invoke(&item).await.unwrap();
    function.invoke(&item).await.unwrap();
    let configured = json_lines(&function)
        .iter()
        .filter(|line| line["message"] == "configuration loaded")
        .count();
    assert_eq!(configured, 1, "configuration is read once");
}

async fn terminate(function: &mut FunctionProcess) -> ExitStatus {
    let id = function.id().unwrap().to_string();
    let killed = tokio::process::Command::new("kill")
        .args(["-TERM", &id])
        .status();
    assert!(killed.await.unwrap().success());
    function.wait().await.unwrap()
}

fn lines_of(function: &FunctionProcess, message: &str) -> Vec<Value> {
    let lines = json_lines(function).into_iter();
    lines.filter(|line| line["message"] == message).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_the_environment_is_shut_down() {
    let stack = stack().await;
    let mut function = stack.function(BINARY).await.unwrap();
    function.ready().await;
    assert_eq!(terminate(&mut function).await.code(), Some(0));
    assert_eq!(
        lines_of(&function, "execution environment shut down").len(),
        1
    );
    assert!(lines_of(&function, UNREGISTERED).is_empty());
}

const UNREGISTERED: &str = "end of the execution environment will not be announced to this process";

#[tokio::test(flavor = "multi_thread")]
async fn it_works_without_the_extensions_api() {
    let stack = stack().await;
    let item = event(&stack).await;
    for (extensions, why) in [
        (Extensions::NotServed, "404"),
        (Extensions::WithoutName, "functionName"),
    ] {
        let function = FunctionProcess::start_with(BINARY.as_ref(), &stack.env, extensions);
        let mut function = function.await.unwrap();
        let done = function.invoke_within(&item, Duration::from_secs(20)).await;
        let done = done.unwrap_or_else(|error| panic!("{extensions:?}: {error}"));
        assert!(done["extract"]["trips_key"].is_string(), "{done}");

        let warnings = lines_of(&function, UNREGISTERED);
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0]["level"], "WARN", "{warnings:?}");
        let error = &warnings[0]["error.message"];
        assert!(error.as_str().unwrap().contains(why), "{warnings:?}");
        assert_eq!(terminate(&mut function).await.code(), Some(0));
    }
}
