//! The function's binary on a Lambda Runtime API, with real services.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use local_stack::{LocalStack, StackOptions, planned_item};
use pipeline::{BlockItem, extract};
use sandbox_lambda::InvokeError;
use sandbox_provider::ProviderOptions;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_loaded_and_a_missing_one_is_named() {
    let providers = BTreeMap::from([("bird".to_owned(), ProviderOptions::default())]);
    let stack = LocalStack::start(StackOptions::with_providers(providers))
        .await
        .unwrap();
    let ctx = stack.context().await.unwrap();
    let item = planned_item(&ctx, "bird", "2020-01-15-13").await.unwrap();
    let function = stack.function(env!("CARGO_BIN_EXE_sync-db")).await.unwrap();

    let event = serde_json::to_value(&item).unwrap();
    let InvokeError::Function(error) = function.invoke(&event).await.unwrap_err() else {
        panic!("the function did not return an error")
    };
    assert_eq!(error.error_type, "ArchiveMissing");

    let extracted = extract(&ctx, item).await.unwrap();
    let event = serde_json::to_value(&extracted).unwrap();
    let done = function.invoke(&event).await.unwrap();
    let counts = &done["sync_db"];
    let count = |name: &str| counts[name].as_u64().unwrap();
    assert_eq!(
        count("fetched"),
        count("loaded") + count("rejected") + count("duplicates")
    );
    assert_eq!(
        count("fetched"),
        done["extract"]["trip_count"].as_u64().unwrap()
    );
    let is_metrics = |line: &Value| line.get("TripsLoaded").is_some();
    let metrics = function.json_line(is_metrics).await.unwrap();
    assert_eq!(metrics["TripsLoaded"].as_f64(), counts["loaded"].as_f64());
    assert_eq!(
        metrics["TripsRejected"].as_f64(),
        counts["rejected"].as_f64()
    );
}

#[test]
fn the_sample_event_is_an_item() {
    let sample = serde_json::from_str(include_str!("../events/block.json")).unwrap();
    let item = BlockItem::from_json(sample).unwrap();
    assert!(item.block().is_ok() && item.extract.is_some());
}
