//! Which configuration the function works with: on a Lambda Runtime API, with real services.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use local_stack::{LocalStack, StackOptions, planned_item};
use pipeline::{Source, extract, sync_db};
use sandbox_provider::ProviderOptions;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn publishing_needs_no_provider_and_no_secret_of_the_public_ids() {
    let providers = BTreeMap::from([("bird".to_owned(), ProviderOptions::default())]);
    let stack = LocalStack::start(StackOptions::with_providers(providers))
        .await
        .unwrap();
    let ctx = stack.context().await.unwrap();
    let item = planned_item(&ctx, "bird", "2020-01-15-13").await.unwrap();
    let item = extract(&ctx, item).await.unwrap();
    let mut item = sync_db(&ctx, item, Source::Bucket).await.unwrap();
    item.config = None;

    let providers = stack.environment().unwrap().providers_key;
    std::fs::remove_file(stack.bucket_folder().join(providers)).unwrap();
    stack
        .put_setting("PUBLIC_ID_KEY", json!(null))
        .await
        .unwrap();
    let function = stack
        .function(env!("CARGO_BIN_EXE_sync-socrata"))
        .await
        .unwrap();
    let mut event = serde_json::to_value(&item).unwrap();
    let done = function.invoke(&event).await.unwrap();
    assert!(done["sync_socrata"]["created"].as_u64().unwrap() > 0);

    // Vehicles whose public ids change with the month are named with that secret.
    let period = stack.put_setting("PUBLIC_DEVICE_ID_PERIOD", json!("month"));
    period.await.unwrap();
    let function = stack
        .function(env!("CARGO_BIN_EXE_sync-socrata"))
        .await
        .unwrap();
    // Another run, which forces the block once more.
    event["run_id"] = json!("0197a1b2-0000-7000-8000-000000000000");
    let error = function.invoke(&event).await.unwrap_err();
    assert!(error.to_string().contains("PUBLIC_ID_KEY"), "{error}");
}
