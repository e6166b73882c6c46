//! The function's binary on a Lambda Runtime API, with real services.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use local_stack::{LocalStack, StackOptions};
use sandbox_lambda::{FunctionProcess, InvokeError};
use sandbox_provider::ProviderOptions;
use serde_json::{Value, json};

async fn stack() -> LocalStack {
    let providers = ["bird", "lime"].map(|name| (name.to_owned(), ProviderOptions::default()));
    LocalStack::start(StackOptions::with_providers(BTreeMap::from(providers)))
        .await
        .unwrap()
}

async fn function(stack: &LocalStack) -> FunctionProcess {
    stack
        .function(env!("CARGO_BIN_EXE_plan-blocks"))
        .await
        .unwrap()
}

fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("events")
        .join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn error_of(error: InvokeError) -> sandbox_lambda::FunctionError {
    match error {
        InvokeError::Function(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_event_makes_the_plan_that_it_speaks_of() {
    let stack = stack().await;
    let function = function(&stack).await;
    for (name, blocks) in [
        ("hour.json", 1),
        ("dry-run.json", 24),
        ("backfill.json", 2 * (31 * 24 - 1)),
        // Nothing is archived yet, so there is nothing to load, and nothing differs from the
        // portal.
        ("some-providers.json", 12),
        ("scheduled-hourly.json", 2),
        ("scheduled-sweep.json", 2 * 840),
        ("scheduled-audit.json", 0),
        ("execution.json", 1),
    ] {
        let plan = function.invoke(&sample(name)).await.unwrap();
        assert_eq!(plan["block_count"], blocks, "{name}: {plan}");
        assert_eq!(plan["manifest"].is_null(), name == "dry-run.json", "{name}");
        assert!(plan.to_string().len() < 8 * 1024, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_execution_is_the_same_run() {
    let stack = stack().await;
    let function = function(&stack).await;
    let event = sample("execution.json");
    let first = function.invoke(&event).await.unwrap();
    let again = function.invoke(&event).await.unwrap();
    assert_eq!(first, again);
    let mut other = event;
    other["execution"] = json!("arn:aws:states:us-east-1:123456789012:execution:mds-etl:another");
    let other = function.invoke(&other).await.unwrap();
    assert_ne!(first["run_id"], other["run_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_summed_up_and_fails_by_its_name() {
    let stack = stack().await;
    let function = function(&stack).await;

    let unknown = function.invoke(&sample("summarize.json")).await;
    assert_eq!(error_of(unknown.unwrap_err()).error_type, "InvalidInput");

    let plan = function.invoke(&sample("hour.json")).await.unwrap();
    let summarize = json!({"summarize": {"run_id": plan["run_id"]}});
    let error = error_of(function.invoke(&summarize).await.unwrap_err());
    assert_eq!(error.error_type, "RunHadFailures");
    assert!(error.error_message.contains("1 did not end"), "{error:?}");

    let nothing = json!({"provider": "bird", "time_max": "2020-01-15-13", "no_extract": true});
    let plan = function.invoke(&nothing).await.unwrap();
    let summarize = json!({"summarize": {"run_id": plan["run_id"]}});
    let summary = function.invoke(&summarize).await.unwrap();
    assert_eq!(summary["planned"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_request_names_what_is_wrong() {
    let stack = stack().await;
    let function = function(&stack).await;
    for (event, word) in [
        (
            json!({"provider": "bird", "time_max": "2020-01-15-13", "forced": true}),
            "forced",
        ),
        (
            json!({"provider": "brid", "time_max": "2020-01-15-13"}),
            "brid",
        ),
        (
            json!({"provider": "bird", "time_max": "2020-01-15-25"}),
            "25",
        ),
        (json!({"provider": "bird", "execution": ""}), "execution"),
        (json!({"summarize": {"run": 1}}), "summarize"),
        (json!([]), "plan request"),
    ] {
        let error = error_of(function.invoke(&event).await.unwrap_err());
        assert_eq!(error.error_type, "InvalidInput");
        assert!(error.error_message.contains(word), "{error:?}");
    }
}
