//! A claim keeps others out, and no claim outlives its holder.

use std::pin::pin;
use std::time::Duration;

use futures::poll;
use store::{Busy, Claim, Fence, Store, StoreError};
use tokio::time::{sleep, timeout};
use trips::status::BlockStatus;

use crate::fixture::{Db, RUN, open, ping};

/// Waits for the block: a dropped claim ends when the server notices that the connection is closed.
async fn claim_soon(store: &Store, schedule_id: i64) -> Claim {
    for _ in 0..100 {
        match store.claim(schedule_id).await {
            Err(StoreError::Busy { .. }) => sleep(Duration::from_millis(50)).await,
            other => return other.unwrap(),
        }
    }
    panic!("the block is never released");
}

#[tokio::test]
async fn a_claimed_block_is_busy_until_released() {
    let db = Db::planned().await;
    let id = db.schedule_id(0).await;
    let other_process = open(&db.url, 2);
    let claim = db.store.claim(id).await.unwrap();
    for store in [&db.store, &other_process] {
        let error = store.claim(id).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Busy { what: Busy::Block { schedule_id } } if *schedule_id == id)
        );
        assert!(error.is_transient());
    }
    let neighbour = other_process.claim(id + 1).await.unwrap();
    claim.release().await.unwrap();
    neighbour.release().await.unwrap();
    other_process
        .claim(id)
        .await
        .unwrap()
        .release()
        .await
        .unwrap();
}

#[tokio::test]
async fn dropping_a_claim_releases_the_block() {
    let db = Db::planned().await;
    let id = db.schedule_id(0).await;
    drop(db.store.claim(id).await.unwrap());
    // Another process, since one session could take the lock twice.
    claim_soon(&open(&db.url, 2), id)
        .await
        .release()
        .await
        .unwrap();
}

/// Polls a future a tenth of `polls` times, with a moment in between, and drops it.
async fn drop_after(polls: u32, future: impl Future) {
    let mut future = pin!(future);
    for _ in 0..polls / 10 {
        if poll!(&mut future).is_ready() {
            return;
        }
        sleep(Duration::from_millis(u64::from(polls % 3))).await;
    }
}

#[tokio::test]
async fn dropping_a_call_of_claim_halfway_releases_the_block() {
    let db = Db::planned().await;
    let id = db.schedule_id(0).await;
    for polls in 0..150 {
        ping(&db.store).await.unwrap();
        drop_after(polls, db.store.claim(id)).await;
    }
    claim_soon(&open(&db.url, 2), id)
        .await
        .release()
        .await
        .unwrap();
    let locks = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                 WHERE locktype = 'advisory' AND d.datname = current_database()";
    for _ in 0..100 {
        if db.text(locks).await == "0" {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("a connection in the pool still holds a lock");
}

#[tokio::test]
async fn a_released_connection_is_used_again() {
    let db = Db::planned().await;
    let id = db.schedule_id(0).await;
    let store = open(&db.url, 2);
    for _ in 0..5 {
        store.claim(id).await.unwrap().release().await.unwrap();
    }
    let sessions = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'mds-etl'";
    // Two of this pool and two of the fixture's: each opens a second one to compare it with the
    // first.
    assert!(db.text(sessions).await.parse::<u32>().unwrap() <= 4);
}

#[tokio::test]
async fn the_holder_of_a_claim_still_gets_another_connection() {
    let db = Db::planned().await;
    let id = db.schedule_id(0).await;
    let store = open(&db.url, 2);
    let claim = store.claim(id).await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.claim(id + 1).await.unwrap().release().await }
    });
    sleep(Duration::from_millis(50)).await;
    timeout(Duration::from_secs(5), ping(&store))
        .await
        .unwrap()
        .unwrap();
    claim.release().await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_claim_reads_the_row_after_it_has_the_lock() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    assert_eq!(claim.row().status, BlockStatus::New);
    let before = claim.row().updated_at;
    claim
        .mark_failed(
            BlockStatus::NotPublished,
            RUN,
            "ProviderNotReady",
            "not yet",
        )
        .await
        .unwrap();
    assert_eq!(claim.row().status, BlockStatus::NotPublished);
    assert_eq!(
        claim.row().message.as_deref(),
        Some("ProviderNotReady: not yet")
    );
    assert!(claim.row().updated_at > before);
    let row = claim.row().clone();
    claim.release().await.unwrap();
    assert_eq!(db.claim(0).await.row(), &row);
}

#[tokio::test]
async fn an_unknown_block_cannot_be_claimed() {
    let db = Db::planned().await;
    let error = db.store.claim(1_000_000).await.unwrap_err();
    assert!(matches!(
        error,
        StoreError::UnknownBlock {
            schedule_id: 1_000_000
        }
    ));
}

#[tokio::test]
async fn a_claim_outlasts_the_servers_limit_for_idle_sessions() {
    let db = Db::planned().await;
    let id = db.schedule_id(0).await;
    let limit = format!(
        "ALTER DATABASE \"{}\" SET idle_session_timeout = '200ms'",
        db.text("SELECT current_database()").await
    );
    db.sql.batch_execute(&limit).await.unwrap();
    let claim = open(&db.url, 2).claim(id).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    claim.check().await.unwrap();
    claim.release().await.unwrap();
}

#[tokio::test]
async fn a_claim_whose_session_has_ended_is_not_held() {
    let db = Db::planned().await;
    let claim = db.claim(0).await;
    claim.check().await.unwrap();
    db.text(
        "SELECT count(pg_terminate_backend(l.pid, 5000)) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE l.locktype = 'advisory' AND d.datname = current_database()",
    )
    .await;
    let error = claim.check().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}
