#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::collections::BTreeMap;

use local_stack::{LocalStack, StackOptions};
use sandbox_provider::ProviderOptions;
use serde_json::json;
use store::FailedBlock;

use super::*;
use crate::{PlanRequest, extract, plan, read_manifest};

const CONNECTIONS: usize = 5;

/// A step with a defect.
struct Panics;

impl BlockStep for Panics {
    const STEP: Step = Step::Extract;
    type Output = ();

    fn output_without_work(&self, _: &ClaimedStep<'_>) -> Option<()> {
        None
    }

    #[expect(clippy::panic, reason = "the defect")]
    async fn work(self, step: &mut ClaimedStep<'_>) -> Result<(), PipelineError> {
        step.claim.mark_replacing_archive().await?;
        panic!("at trip {}", "8f2f0a5e")
    }

    fn status_after(_: ErrorName, _: &ClaimedStep<'_>) -> Option<BlockStatus> {
        Some(BlockStatus::ExtractFailed)
    }

    fn is_end_of_block(_: BlockStatus) -> bool {
        true
    }

    fn add_to(_: &mut BlockItem, (): ()) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_fails_its_block_as_internal_and_the_block_can_be_repeated() {
    let providers = BTreeMap::from([("bird".to_owned(), ProviderOptions::default())]);
    let stack = LocalStack::start(StackOptions::with_providers(providers))
        .await
        .unwrap();
    let ctx = Context::connect(stack.environment().unwrap(), CONNECTIONS)
        .await
        .unwrap();
    let request = json!({"provider": "bird", "time_max": "2020-01-15-13", "no_sync_db": true});
    let request = PlanRequest::from_json(request).unwrap();
    let plan = plan(&ctx, &request, |_| {}).await.unwrap();
    let mut items = read_manifest(&ctx, &plan.manifest.unwrap()).await.unwrap();
    let item = items.recv().await.unwrap().unwrap();

    let error = do_step(&ctx, item.clone(), Panics).await.unwrap_err();
    assert_eq!(error.name, ErrorName::Internal);
    assert!(!error.message.contains("8f2f0a5e"), "{error}");
    let summary = ctx.store().run_summary(plan.run_id, ctx.zone());
    let summary = summary.await.unwrap().unwrap();
    let [FailedBlock { error_name, .. }] = summary.first_failed.as_slice() else {
        panic!("{summary}")
    };
    assert_eq!(error_name.as_deref(), Some("Internal"));
    let claim = ctx.store().claim(item.schedule_id).await.unwrap();
    assert_eq!(claim.row().status, BlockStatus::ExtractFailed);
    claim.release().await.unwrap();

    let item = extract(&ctx, item).await.unwrap();
    assert!(item.extract.unwrap().trip_count > 0);
}
