//! Runs, and how their blocks ended.

use serde_json::json;
use store::{Outcome, RunRecord, StoreError};
use trips::block::Stage;
use trips::status::Step;
use uuid::Uuid;

use crate::fixture::{Db, RUN};

async fn create_run(db: &Db) {
    db.store
        .create_run(&RunRecord {
            run_id: RUN,
            stage: Stage::Staging,
            request: json!({"provider": "all"}),
        })
        .await
        .unwrap();
}

async fn is_success(db: &Db) -> bool {
    let summary = db.store.run_summary(RUN).await.unwrap();
    summary.unwrap().is_success()
}

#[tokio::test]
async fn a_run_is_summarized() {
    let db = Db::planned().await;
    create_run(&db).await;
    db.store.finish_plan(RUN, 6).await.unwrap();
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
    db.store.finish_plan(RUN, 1).await.unwrap();
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
    db.store.finish_plan(RUN, 0).await.unwrap();
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
