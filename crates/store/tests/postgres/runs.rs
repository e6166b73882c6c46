//! Runs and how their blocks ended.

use serde_json::json;
use store::{Outcome, RunRecord, StoreError};
use trips::block::Stage;
use trips::status::Step;
use uuid::Uuid;

use crate::fixture::{Db, RUN};

async fn run(db: &Db) {
    db.store
        .create_run(&RunRecord {
            run_id: RUN,
            stage: Stage::Staging,
            request: json!({"provider": "all"}),
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_run_is_summed_up() {
    let db = Db::planned().await;
    run(&db).await;
    db.store.finish_plan(RUN, 6).await.unwrap();
    let first = db.schedule_id(0).await;
    let note = async |n: i64, step, outcome, error| {
        db.store
            .record_outcome(RUN, first + n, step, outcome, error)
            .await
            .unwrap();
    };
    note(0, Step::SyncSocrata, Outcome::Done, None).await;
    note(
        1,
        Step::Extract,
        Outcome::NotReady,
        Some(("ProviderNotReady", "HTTP 404")),
    )
    .await;
    note(
        4,
        Step::SyncDb,
        Outcome::Failed,
        Some(("ArchiveMissing", "no object")),
    )
    .await;
    note(
        3,
        Step::Extract,
        Outcome::Failed,
        Some(("ProviderRejected", "HTTP 401")),
    )
    .await;
    note(
        2,
        Step::Extract,
        Outcome::Failed,
        Some(("ProviderUnavailable", "HTTP 503")),
    )
    .await;
    note(2, Step::SyncSocrata, Outcome::Done, None).await;

    let summary = db.store.run_summary(RUN).await.unwrap().unwrap();
    let counts = (
        summary.planned,
        summary.done,
        summary.not_ready,
        summary.failed,
        summary.unfinished,
    );
    assert_eq!(counts, (Some(6), 2, 1, 2, 1));
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
    run(&db).await;
    db.store.finish_plan(RUN, 1).await.unwrap();
    assert!(
        !db.store
            .run_summary(RUN)
            .await
            .unwrap()
            .unwrap()
            .is_success()
    );
    let id = db.schedule_id(0).await;
    db.store
        .record_outcome(RUN, id, Step::Extract, Outcome::NotReady, None)
        .await
        .unwrap();
    assert!(
        db.store
            .run_summary(RUN)
            .await
            .unwrap()
            .unwrap()
            .is_success()
    );
}

#[tokio::test]
async fn a_run_without_blocks_is_a_success_and_one_without_a_plan_is_not() {
    let db = Db::planned().await;
    run(&db).await;
    run(&db).await;
    assert!(
        !db.store
            .run_summary(RUN)
            .await
            .unwrap()
            .unwrap()
            .is_success()
    );
    db.store.finish_plan(RUN, 0).await.unwrap();
    assert!(
        db.store
            .run_summary(RUN)
            .await
            .unwrap()
            .unwrap()
            .is_success()
    );
}

#[tokio::test]
async fn what_changed_since_the_plan_is_told_by_the_databases_clock() {
    let db = Db::planned().await;
    assert_eq!(db.store.run_planned_at(RUN).await.unwrap(), None);
    run(&db).await;
    let planned_at = db.store.run_planned_at(RUN).await.unwrap().unwrap();
    let mut claim = db.claim(0).await;
    assert!(claim.row().updated_at < planned_at);
    claim.published(RUN, &json!({})).await.unwrap();
    assert!(claim.row().updated_at > planned_at);
}

#[tokio::test]
async fn nobody_knows_a_run_that_was_never_entered() {
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
