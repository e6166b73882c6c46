#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::collections::BTreeMap;

use local_stack::{LocalStack, StackOptions};
use sandbox_provider::ProviderOptions;
use serde_json::json;

use super::*;
use crate::{PlanRequest, extract, plan, read_manifest, run_summary};

const CONNECTIONS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn what_no_step_could_record_is_recorded_in_the_end() {
    let providers = BTreeMap::from([("bird".to_owned(), ProviderOptions::default())]);
    let stack = LocalStack::start(StackOptions::with_providers(providers))
        .await
        .unwrap();
    let ctx = Context::connect(stack.environment().unwrap(), CONNECTIONS)
        .await
        .unwrap();
    let request = json!({"provider": "bird", "time_min": "2020-01-15-12", "interval": 4,
        "no_sync_db": true, "no_sync_socrata": true});
    let request = PlanRequest::from_json(request).unwrap();
    let plan = plan(&ctx, &request, |_| {}).await.unwrap();
    let mut items = read_manifest(&ctx, &plan.manifest.unwrap()).await.unwrap();
    let mut blocks = Vec::new();
    while let Some(item) = items.recv().await {
        blocks.push(item.unwrap());
    }
    let away = PipelineError::new(ErrorName::DatabaseUnavailable, "the database is away");
    let not_ready = PipelineError::new(ErrorName::ProviderNotReady, "not published yet");
    let failures = Failures::default();
    // The outcome of the first block reached the database, and only the reply was lost.
    failures.add(blocks[0].schedule_id, Step::Extract, &away);
    failures.add(blocks[1].schedule_id, Step::Extract, &away);
    failures.add(blocks[2].schedule_id, Step::Extract, &not_ready);
    extract(&ctx, blocks[0].clone()).await.unwrap();

    failures.record_missing(&ctx, plan.run_id).await.unwrap();
    let summary = run_summary(&ctx, plan.run_id).await.unwrap();
    assert_eq!(
        (
            summary.done,
            summary.failed,
            summary.not_ready,
            summary.unfinished
        ),
        (1, 1, 1, 1)
    );
    let error = summary.first_failed[0].error_name.as_deref();
    assert_eq!(error, Some("DatabaseUnavailable"));
    assert_eq!(summary.first_unfinished[0].label, blocks[3].label);
}
