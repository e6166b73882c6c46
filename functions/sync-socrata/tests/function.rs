//! The function's binary on a Lambda Runtime API, with real services.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use local_stack::{LocalStack, StackOptions, planned_item};
use pipeline::{BlockItem, Source, extract, sync_db};
use sandbox_lambda::InvokeError;
use sandbox_portal::Fault;
use sandbox_provider::ProviderOptions;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_published_and_a_refusal_is_named() {
    let providers = BTreeMap::from([("bird".to_owned(), ProviderOptions::default())]);
    let stack = LocalStack::start(StackOptions::with_providers(providers))
        .await
        .unwrap();
    let ctx = stack.context().await.unwrap();
    let item = planned_item(&ctx, "bird", "2020-01-15-13").await.unwrap();
    let item = extract(&ctx, item).await.unwrap();
    let item = sync_db(&ctx, item, Source::Bucket).await.unwrap();
    let event = serde_json::to_value(&item).unwrap();
    let function = stack
        .function(env!("CARGO_BIN_EXE_sync-socrata"))
        .await
        .unwrap();

    stack.portal.fail_next(Fault::Status {
        status: 403,
        retry_after: None,
    });
    let InvokeError::Function(error) = function.invoke(&event).await.unwrap_err() else {
        panic!("the function did not return an error")
    };
    assert_eq!(error.error_type, "SocrataRejected");

    let done = function.invoke(&event).await.unwrap();
    let created = done["sync_socrata"]["created"].as_u64().unwrap();
    assert_eq!(created, u64::try_from(stack.portal.row_count()).unwrap());
    let is_metrics = |line: &Value| line.get("BlocksPublished").is_some();
    let metrics = function.json_line(is_metrics).await.unwrap();
    assert_eq!(metrics["TripsPublished"].as_f64().unwrap(), created as f64);
    assert_eq!(metrics["BlocksPublished"], 1.0);
}

#[test]
fn the_sample_event_is_an_item() {
    let sample = serde_json::from_str(include_str!("../events/block.json")).unwrap();
    let item = BlockItem::from_json(sample).unwrap();
    assert!(item.block().is_ok() && item.sync_db.is_some());
}
