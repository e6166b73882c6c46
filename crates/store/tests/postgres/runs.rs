//! Runs, and how their blocks ended.

use serde_json::json;
use store::{Outcome, RunConfig, RunRecord, StoreError};
use trips::block::Stage;
use trips::status::Step;
use uuid::Uuid;

use crate::fixture::{Db, RUN};

fn config(settings: &str) -> RunConfig {
    RunConfig {
        settings_etag: settings.to_owned(),
        providers_etag: Some("providers".to_owned()),
    }
}

async fn create_run_with(db: &Db, config: RunConfig) -> bool {
    db.store
        .create_run(&RunRecord {
            run_id: RUN,
            stage: Stage::Staging,
            request: json!({"provider": "all"}),
            config,
        })
        .await
        .unwrap()
}

async fn create_run(db: &Db) {
    assert!(create_run_with(db, config("a")).await);
}

async fn finish_plan(db: &Db, blocks: u64) {
    let finished = db.store.finish_plan(RUN, blocks, &config("a")).await;
    assert!(finished.unwrap());
}

async fn is_success(db: &Db) -> bool {
    let summary = db.store.run_summary(RUN).await.unwrap();
    summary.unwrap().is_success()
}

#[tokio::test]
async fn a_run_is_summarized() {
    let db = Db::planned().await;
    create_run(&db).await;
    finish_plan(&db, 6).await;
    let first = db.schedule_id(0).await;
    let record = async |n: i64, step, outcome, error| {
        db.store
            .record_outcome(RUN, first + n, step, outcome, error)
            .await
            .unwrap();
    };
    record(0, Step::SyncSocrata, Outcome::Done, None).await;
    record(
        1,
        Step::Extract,
        Outcome::NotReady,
        Some(("ProviderNotReady", "HTTP 404")),
    )
    .await;
    record(
        4,
        Step::SyncDb,
        Outcome::Failed,
        Some(("ArchiveMissing", "no object")),
    )
    .await;
    record(
        3,
        Step::Extract,
        Outcome::Failed,
        Some(("ProviderRejected", "HTTP 401")),
    )
    .await;
    record(
        2,
        Step::Extract,
        Outcome::Failed,
        Some(("ProviderUnavailable", "HTTP 503")),
    )
    .await;
    record(2, Step::SyncSocrata, Outcome::Done, None).await;

    let summary = db.store.run_summary(RUN).await.unwrap().unwrap();
    assert_eq!(summary.planned, Some(6));
    assert_eq!(summary.done, 2);
    assert_eq!(summary.not_ready, 1);
    assert_eq!(summary.failed, 2);
    assert_eq!(summary.unfinished, 1);
    let failed: Vec<_> = summary
        .first_failed
        .iter()
        .map(|block| block.schedule_id)
        .collect();
    assert_eq!(failed, [first + 3, first + 4]);
    assert!(!summary.is_success());
    let text = summary.to_string();
    assert!(
        text.contains(
            "of 6 blocks 2 done, 1 not published by the provider yet, 2 failed, 1 did not end; \
             0 trips fetched = 0 loaded + 0 rejected + 0 duplicates; failed: bird 2020-01-01T09:00Z extract (ProviderRejected), \
             bird 2020-01-01T10:00Z sync-db (ArchiveMissing)"
        ),
        "{text}"
    );
    assert_eq!(
        serde_json::to_value(&summary).unwrap()["first_failed"][1]["step"],
        "sync-db"
    );
}

#[tokio::test]
async fn a_run_whose_blocks_are_done_or_not_published_yet_is_a_success() {
    let db = Db::planned().await;
    create_run(&db).await;
    finish_plan(&db, 1).await;
    assert!(!is_success(&db).await);
    let id = db.schedule_id(0).await;
    db.store
        .record_outcome(RUN, id, Step::Extract, Outcome::NotReady, None)
        .await
        .unwrap();
    assert!(is_success(&db).await);
}

#[tokio::test]
async fn a_run_without_blocks_is_a_success_and_one_without_a_plan_is_not() {
    let db = Db::planned().await;
    create_run(&db).await;
    create_run(&db).await;
    assert!(!is_success(&db).await);
    finish_plan(&db, 0).await;
    assert!(is_success(&db).await);
}

#[tokio::test]
async fn the_start_of_a_plan_and_changes_of_blocks_have_the_same_clock() {
    let db = Db::planned().await;
    assert_eq!(db.store.run_planned_at(RUN).await.unwrap(), None);
    create_run(&db).await;
    let planned_at = db.store.run_planned_at(RUN).await.unwrap().unwrap();
    let mut claim = db.claim(0).await;
    assert!(claim.row().updated_at < planned_at);
    claim.mark_unchanged(RUN, "").await.unwrap();
    assert!(claim.row().updated_at > planned_at);
}

#[tokio::test]
async fn an_unknown_run_has_no_summary_and_no_outcomes() {
    let db = Db::planned().await;
    assert_eq!(
        db.store.run_summary(Uuid::from_u128(1)).await.unwrap(),
        None
    );
    let id = db.schedule_id(0).await;
    let error = db
        .store
        .record_outcome(Uuid::from_u128(1), id, Step::Extract, Outcome::Done, None)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Database(_)), "{error}");
}

#[tokio::test]
async fn a_run_has_the_configuration_of_its_complete_plan() {
    let db = Db::planned().await;
    assert!(create_run_with(&db, config("a")).await);
    assert!(
        create_run_with(&db, config("b")).await,
        "no step has begun with the other one"
    );
    let outdated = db.store.finish_plan(RUN, 6, &config("a")).await.unwrap();
    assert!(!outdated);
    assert!(db.store.finish_plan(RUN, 6, &config("b")).await.unwrap());
    assert!(create_run_with(&db, config("b")).await, "a repetition");
    assert!(!create_run_with(&db, config("a")).await);
    let etags = db.text("SELECT settings_etag, providers_etag FROM api.runs");
    assert_eq!(etags.await, "b|providers");
}
