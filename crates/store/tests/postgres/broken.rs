//! Connections that break in the middle of a load.

use std::time::Duration;

use chrono::Utc;
use store::{BlockRows as _, StoreError};
use tokio::time::timeout;
use trips::status::BlockStatus;

use crate::fixture::{Db, RUN, copy, file, load, open, ping, request, trip, trips, upsert};

/// Terminates the one session that holds a claim.
async fn kill_claims(db: &Db) {
    let killed = db
        .text(
            "SELECT count(pg_terminate_backend(l.pid, 5000)) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
             WHERE l.locktype = 'advisory' AND d.datname = current_database()",
        )
        .await;
    assert_eq!(killed, "1");
}

async fn block_and_trips(db: &Db) -> String {
    let block = db
        .text("SELECT s FROM api.schedule s ORDER BY schedule_id")
        .await;
    format!(
        "{block}\n{}",
        db.text("SELECT ctid, xmin, t FROM api.trips t ORDER BY id")
            .await
    )
}

#[tokio::test]
async fn a_load_killed_before_the_commit_changes_nothing() {
    let db = Db::planned().await;
    db.load(0, &trips(0..5)).await;
    let before = block_and_trips(&db).await;
    let mut claim = db.claim(0).await;
    let mut delivery = trips(0..10);
    delivery[0].trip_distance = 7;
    let pending = upsert(&mut claim, &delivery, 1).await.unwrap();
    kill_claims(&db).await;
    let error = pending.commit(&file()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert_eq!(block_and_trips(&db).await, before);

    let mut again = db.claim(0).await;
    assert_eq!(load(&mut again, &delivery, 1).await.unwrap().inserted, 5);
}

#[tokio::test]
async fn a_load_killed_during_the_copy_changes_nothing() {
    let db = Db::planned().await;
    let before = block_and_trips(&db).await;
    let mut claim = db.claim(0).await;
    let mut stage = claim.start_load().await.unwrap();
    copy(&mut stage, &trips(0..5)).await.unwrap();
    let sink = stage.copy().await.unwrap();
    kill_claims(&db).await;
    let error = timeout(Duration::from_secs(10), sink.finish())
        .await
        .unwrap()
        .unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(stage.upsert(request(5, 0)).await.is_err());
    assert_eq!(block_and_trips(&db).await, before);
}

#[tokio::test]
async fn a_reader_of_rows_gets_an_error_if_the_session_is_killed() {
    use futures::TryStreamExt;
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    let mut pending = upsert(&mut claim, &trips(0..20_000), 0).await.unwrap();
    let mut rows = pending.public_rows().await.unwrap();
    rows.try_next().await.unwrap().unwrap();
    kill_claims(&db).await;
    let end = rows.try_fold(0, |n, _| async move { Ok(n + 1) }).await;
    assert!(end.is_err() || pending.commit(&file()).await.is_err());
    assert_eq!(db.text("SELECT count(*) FROM api.trips").await, "0");
}

#[tokio::test]
async fn a_worker_that_lost_its_claim_can_change_nothing() {
    let db = Db::planned().await;
    let mut lost = db.claim(0).await;
    kill_claims(&db).await;
    let mut winner = db.claim(0).await;
    load(&mut winner, &trips(0..1), 0).await.unwrap();
    let failed = lost
        .mark_failed(BlockStatus::LoadFailed, RUN, "X", "x")
        .await;
    assert!(failed.unwrap_err().is_transient());
    assert!(
        lost.mark_unchanged(RUN, "", None, Utc::now(), true)
            .await
            .is_err()
    );
    assert!(lost.start_load().await.is_err());
    assert!(lost.release().await.is_err());
    assert_eq!(winner.row().status, BlockStatus::Loaded);
    assert_eq!(db.count_blocks(BlockStatus::Loaded).await, 1);
}

#[tokio::test]
async fn a_pool_whose_connections_were_killed_connects_again() {
    let db = Db::planned().await;
    ping(&db.store).await.unwrap();
    let kill = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'mds-etl'";
    assert_ne!(db.text(kill).await, "0");
    ping(&db.store).await.unwrap();
    db.load(0, &[trip(1)]).await;
}

#[tokio::test]
async fn a_server_that_does_not_run_is_unavailable() {
    let store = open("postgresql://u:p@127.0.0.1:1/d", 2);
    let error = timeout(Duration::from_secs(20), ping(&store))
        .await
        .unwrap()
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}
