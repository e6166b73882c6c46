//! Runs, and how their blocks ended.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use store::{BlockEnd, Outcome, Pruned, RunConfig, RunEntry, RunRecord};
use trips::block::Stage;
use trips::status::Step;
use trips::time::CivilZone;
use uuid::Uuid;

use crate::fixture::{Db, RUN};

fn config(settings: &str) -> RunConfig {
    RunConfig {
        settings_etag: settings.to_owned(),
        providers_etag: Some("providers".to_owned()),
    }
}

async fn create_run_with(db: &Db, config: RunConfig) -> bool {
    let entry = enter(db, json!({"provider": "all"}), config).await;
    assert_ne!(entry, RunEntry::OtherRequest);
    entry == RunEntry::Entered
}

async fn enter(db: &Db, request: Value, config: RunConfig) -> RunEntry {
    let run = RunRecord {
        run_id: RUN,
        stage: Stage::Staging,
        request,
        config,
    };
    db.store.create_run(&run).await.unwrap()
}

async fn create_run(db: &Db) {
    assert!(create_run_with(db, config("a")).await);
}

async fn finish_plan(db: &Db, blocks: u64) {
    let finished = db.store.finish_plan(RUN, blocks, &config("a")).await;
    assert!(finished.unwrap());
}

async fn is_success(db: &Db) -> bool {
    let summary = db
        .store
        .run_summary(RUN, &CivilZone::default())
        .await
        .unwrap();
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
            .record_outcome(
                RUN,
                first + n,
                BlockEnd {
                    step,
                    outcome,
                    error,
                },
            )
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

    let summary = db
        .store
        .run_summary(RUN, &CivilZone::default())
        .await
        .unwrap()
        .unwrap();
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
             failed: bird 2020-01-01-04 extract (ProviderRejected), bird 2020-01-01-05 sync-db (ArchiveMissing); \
             1 block of bird, extract (ProviderRejected): HTTP 401 \
             (again: mds run --provider bird --time-max 2020-01-01-04); 1 block of bird, sync-db (ArchiveMissing): no object \
             (again: mds run --provider bird --time-max 2020-01-01-05)"
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
        .record_outcome(
            RUN,
            id,
            BlockEnd {
                step: Step::Extract,
                outcome: Outcome::NotReady,
                error: None,
            },
        )
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
    claim
        .mark_unchanged(RUN, "", None, Utc::now(), true)
        .await
        .unwrap();
    assert!(claim.row().updated_at > planned_at);
}

#[tokio::test]
async fn an_unknown_run_has_no_summary_and_no_outcomes() {
    let db = Db::planned().await;
    assert_eq!(
        db.store
            .run_summary(Uuid::from_u128(1), &CivilZone::default())
            .await
            .unwrap(),
        None
    );
    let id = db.schedule_id(0).await;
    db.store
        .record_outcome(Uuid::from_u128(1), id, BlockEnd::done(Step::Extract))
        .await
        .unwrap();
    let outcomes = db.sql.query("SELECT FROM api.run_blocks", &[]).await;
    assert!(outcomes.unwrap().is_empty());
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

#[tokio::test]
async fn a_run_has_one_request() {
    let db = Db::planned().await;
    create_run(&db).await;
    let (all, bird) = (json!({"provider": "all"}), json!({"provider": "bird"}));
    // Before its plan is complete and afterwards.
    for _ in 0..2 {
        let entry = enter(&db, bird.clone(), config("a")).await;
        assert_eq!(entry, RunEntry::OtherRequest);
        let entry = enter(&db, all.clone(), config("a")).await;
        assert_eq!(entry, RunEntry::Entered);
        finish_plan(&db, 6).await;
    }
    let stored = db.text("SELECT request, block_count FROM api.runs").await;
    assert_eq!(stored, r#"{"provider": "all"}|6"#);
}

/// Makes a run of an age with so many outcomes, the newest of them of another age.
async fn aged_run(db: &Db, run_id: Uuid, days: i32, outcomes: i32, last_outcome_days: i32) {
    db.sql
        .execute(
            "INSERT INTO api.runs (run_id, stage, request, created_at)
             VALUES ($1, 'staging', '{}', now() - $2 * interval '1 day')",
            &[&run_id, &f64::from(days)],
        )
        .await
        .unwrap();
    db.sql
        .execute(
            "INSERT INTO api.run_blocks (run_id, schedule_id, step, outcome, updated_at)
             SELECT $1, n, 'extract', 'done', now() - $3 * interval '1 day' FROM generate_series(1, $2) n",
            &[&run_id, &outcomes, &f64::from(last_outcome_days)],
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn old_runs_are_deleted_in_batches_and_those_that_go_on_stay() {
    let db = Db::migrated().await;
    let [old, without_blocks, goes_on, young] = [1, 2, 3, 4].map(Uuid::from_u128);
    aged_run(&db, old, 91, 12_000, 90).await;
    aged_run(&db, without_blocks, 400, 0, 0).await;
    aged_run(&db, goes_on, 100, 10, 1).await;
    aged_run(&db, young, 89, 10, 89).await;
    let age = TimeDelta::days(90);

    let no_time = db.store.prune_runs(age, Duration::ZERO).await.unwrap();
    assert_eq!(no_time, Pruned::default());
    let minute = Duration::from_secs(60);
    let pruned = db.store.prune_runs(age, minute).await.unwrap();
    assert_eq!((pruned.runs, pruned.outcomes), (2, 12_000));
    assert_eq!(
        db.rows("SELECT DISTINCT run_id FROM api.runs ORDER BY 1")
            .await,
        [goes_on, young].map(|id| id.to_string())
    );
    assert_eq!(db.text("SELECT count(*) FROM api.run_blocks").await, "20");
    let again = db.store.prune_runs(age, minute).await.unwrap();
    assert_eq!(again, Pruned::default());
}

#[tokio::test]
async fn two_sweeps_delete_the_same_old_runs_without_an_error() {
    let db = Db::migrated().await;
    for n in 1..=20 {
        aged_run(&db, Uuid::from_u128(n), 91, 600, 91).await;
    }
    let prune = || {
        db.store
            .prune_runs(TimeDelta::days(90), Duration::from_secs(60))
    };
    let (one, other) = tokio::join!(prune(), prune());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.runs + other.runs, 20);
    assert_eq!(one.outcomes + other.outcomes, 12_000);
}
