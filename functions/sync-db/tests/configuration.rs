//! Which configuration the function works with: on a Lambda Runtime API, with real services.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use local_stack::{LocalStack, StackOptions, planned_item};
use pipeline::{BlockItem, extract};
use sandbox_lambda::{FunctionProcess, InvokeError};
use sandbox_provider::ProviderOptions;
use serde_json::json;
use vault::Seal;

const DISTRICTS: &str = "boundaries/council_district.json";

async fn stack() -> LocalStack {
    let providers = BTreeMap::from([("bird".to_owned(), ProviderOptions::default())]);
    LocalStack::start(StackOptions::with_providers(providers))
        .await
        .unwrap()
}

async fn function(stack: &LocalStack) -> FunctionProcess {
    stack.function(env!("CARGO_BIN_EXE_sync-db")).await.unwrap()
}

/// The archived block of a run that is planned now.
async fn planned(stack: &LocalStack) -> BlockItem {
    let ctx = stack.context().await.unwrap();
    let item = planned_item(&ctx, "bird", "2020-01-15-13").await.unwrap();
    extract(&ctx, item).await.unwrap()
}

/// Lets every district have another number, ten times as high.
async fn renumber_districts(stack: &LocalStack) {
    let vault = config::open_vault(&stack.environment().unwrap())
        .await
        .unwrap();
    let mut layer: serde_json::Value = vault.get_json(DISTRICTS).await.unwrap();
    for feature in layer["features"].as_array_mut().unwrap() {
        let number = &mut feature["properties"]["district_n"];
        *number = json!(format!("{}0", number.as_str().unwrap()));
    }
    vault
        .put_json(DISTRICTS, &layer, Seal::Plain)
        .await
        .unwrap();
}

/// One value of the database, as text.
async fn text(stack: &LocalStack, query: &str) -> String {
    let (client, connection) = tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client.query_one(query, &[]).await.unwrap().get(0)
}

async fn has_new_districts(stack: &LocalStack) -> bool {
    let query = "SELECT max(council_district_start)::text FROM api.trips";
    let highest: u64 = text(stack, query).await.parse().unwrap();
    assert!(highest > 0);
    highest >= 10
}

async fn invoke(function: &FunctionProcess, item: &BlockItem) -> Result<(), InvokeError> {
    let event = serde_json::to_value(item).unwrap();
    function.invoke(&event).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn corrected_boundaries_are_used_by_the_next_run_and_by_no_run_before() {
    let stack = stack().await;
    stack.keep_versions().unwrap();
    let warm = function(&stack).await;
    let first = planned(&stack).await;
    invoke(&warm, &first).await.unwrap();
    assert!(!has_new_districts(&stack).await);

    renumber_districts(&stack).await;
    let second = planned(&stack).await;
    let cold = function(&stack).await;
    for function in [&warm, &cold] {
        invoke(function, &second).await.unwrap();
        assert!(has_new_districts(&stack).await);
        invoke(function, &first).await.unwrap();
        assert!(!has_new_districts(&stack).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn boundaries_that_are_gone_fail_the_run() {
    let stack = stack().await;
    let item = planned(&stack).await;
    let row = "SELECT to_jsonb(schedule)::text FROM api.schedule";
    let before = text(&stack, row).await;
    renumber_districts(&stack).await;
    let InvokeError::Function(error) = invoke(&function(&stack).await, &item).await.unwrap_err()
    else {
        panic!("the function did not return an error")
    };
    assert_eq!(error.error_type, "ConfigInvalid");
    assert_eq!(text(&stack, row).await, before);
    let recorded = "SELECT string_agg(error_name, ' ') FROM api.run_blocks";
    assert_eq!(text(&stack, recorded).await, "ConfigInvalid");
    assert!(
        error.error_message.contains("start the run again"),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_other_steps_do_not_matter() {
    let stack = stack().await;
    let mut item = planned(&stack).await;
    item.config = None;
    let malformed = stack.put_setting("SOCRATA_KEY_SECRET", json!({"not": "a text"}));
    malformed.await.unwrap();
    invoke(&function(&stack).await, &item).await.unwrap();
}
