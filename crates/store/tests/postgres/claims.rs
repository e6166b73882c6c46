//! Claims keep others out, and nothing keeps a claim for ever.

use std::pin::pin;
use std::time::Duration;

use futures::poll;
use serde_json::json;
use store::{Archived, Busy, Claim, Store, StoreError};
use tokio::time::{sleep, timeout};
use trips::status::BlockStatus;

use crate::fixture::{Db, RUN, load, open, trip, trips};

/// A dropped claim is free as soon as the server sees that the connection is closed.
async fn claim_soon(store: &Store, schedule_id: i64) -> Claim {
    for _ in 0..100 {
        match store.claim(schedule_id).await {
            Err(StoreError::Busy { .. }) => sleep(Duration::from_millis(50)).await,
            other => return other.unwrap(),
        }
    }
    panic!("the block is never given free");
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
async fn a_dropped_claim_gives_the_block_free() {
    let db = Db::planned().await;
    let id = db.schedule_id(0).await;
    drop(db.store.claim(id).await.unwrap());
    // Another process: the same session could take the lock twice.
    claim_soon(&open(&db.url, 2), id)
        .await
        .release()
        .await
        .unwrap();
}

/// Polls a future so many times, with a moment between, and drops it.
async fn give_up_after(polls: u32, future: impl Future) {
    let mut future = pin!(future);
    for _ in 0..polls / 10 {
        if poll!(&mut future).is_ready() {
            return;
        }
        sleep(Duration::from_millis(u64::from(polls % 3))).await;
    }
}

#[tokio::test]
async fn a_claim_given_up_half_way_gives_the_block_free() {
    let db = Db::planned().await;
    let id = db.schedule_id(0).await;
    for polls in 0..150 {
        db.store.ping().await.unwrap();
        give_up_after(polls, db.store.claim(id)).await;
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
    panic!("a lock is left in the pool");
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
    assert!(db.text(sessions).await.parse::<u32>().unwrap() <= 3);
}

#[tokio::test]
async fn who_holds_a_claim_still_gets_a_connection_for_the_rest() {
    let db = Db::planned().await;
    let id = db.schedule_id(0).await;
    let store = open(&db.url, 2);
    let held = store.claim(id).await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.claim(id + 1).await.unwrap().release().await }
    });
    sleep(Duration::from_millis(50)).await;
    timeout(Duration::from_secs(5), store.ping())
        .await
        .unwrap()
        .unwrap();
    held.release().await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_claim_reads_the_row_after_it_has_the_lock() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    assert_eq!(claim.row().status, BlockStatus::New);
    let before = claim.row().updated_at;
    claim
        .failed(
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
async fn there_is_no_claim_on_a_block_that_is_not_there() {
    let db = Db::planned().await;
    let error = db.store.claim(1_000_000).await.unwrap_err();
    assert!(matches!(
        error,
        StoreError::UnknownBlock {
            schedule_id: 1_000_000
        }
    ));
}

fn archived(fetched: u64) -> Archived {
    Archived {
        run_id: RUN,
        payload_key: "staging/bird/2020/1/1/0/trips.json".to_owned(),
        fetched,
        message: format!("HTTP 200 with {fetched} trips\0"),
        changes: None,
    }
}

#[tokio::test]
async fn an_archive_is_noted() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    claim.archived(&archived(3)).await.unwrap();
    let row = claim.row();
    assert_eq!(
        (row.status, row.fetched(), row.records_total),
        (BlockStatus::Archived, 3, None)
    );
    assert_eq!(row.run_id, Some(RUN));
    assert_eq!(
        row.payload.as_deref(),
        Some("staging/bird/2020/1/1/0/trips.json")
    );
}

#[tokio::test]
async fn an_archive_without_trips_ends_the_block() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    claim.archived(&archived(0)).await.unwrap();
    let row = claim.row();
    assert_eq!(
        (row.status, row.fetched(), row.records_total),
        (BlockStatus::NoTrips, 0, Some(0))
    );
}

#[tokio::test]
async fn a_new_archive_makes_the_counts_of_the_old_one_void() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    load(&mut claim, &[trip(1)], 2).await.unwrap();
    assert!(claim.row().rerun_flag);
    claim.archived(&archived(5)).await.unwrap();
    let row = claim.row();
    assert_eq!(
        (
            row.records_total,
            row.records_processed,
            row.records_error_count
        ),
        (None, None, None)
    );
    assert!(!row.rerun_flag);
}

#[tokio::test]
async fn a_failure_keeps_archive_and_counts() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    claim.archived(&archived(4)).await.unwrap();
    load(&mut claim, &trips(0..4), 0).await.unwrap();
    claim
        .failed(
            BlockStatus::PublishFailed,
            RUN,
            "SocrataUnavailable",
            &"x".repeat(10_000),
        )
        .await
        .unwrap();
    let row = claim.row();
    assert_eq!(
        (row.status, row.fetched(), row.records_processed),
        (BlockStatus::PublishFailed, 4, Some(4))
    );
    assert!(row.payload.is_some());
    assert_eq!(row.message.as_ref().map(String::len), Some(2000));
}

#[tokio::test]
async fn publishing_is_noted_as_it_goes() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    load(&mut claim, &trips(0..2), 0).await.unwrap();
    claim
        .publish_progress(&json!({"rows_done": 1}))
        .await
        .unwrap();
    assert_eq!(claim.row().socrata_status, Some(json!({"rows_done": 1})));
    assert_eq!(claim.row().status, BlockStatus::Loaded);
    claim.published(RUN, &json!({"created": 2})).await.unwrap();
    assert_eq!(claim.row().status, BlockStatus::Published);
    assert_eq!(claim.row().socrata_status, Some(json!({"created": 2})));
    load(&mut claim, &trips(0..3), 0).await.unwrap();
    assert_eq!(
        claim.row().socrata_status,
        None,
        "new rows are not published yet"
    );
}

#[tokio::test]
async fn uploads_to_a_dataset_take_turns() {
    let db = Db::planned().await;
    let (mut first, mut second) = (db.claim(0).await, db.claim(1).await);
    first
        .lock_dataset("abcd-1234", Duration::from_secs(5))
        .await
        .unwrap();
    let error = second
        .lock_dataset("abcd-1234", Duration::from_millis(100))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StoreError::Busy { what: Busy::Dataset { dataset } } if dataset == "abcd-1234")
    );
    second
        .lock_dataset("efgh-5678", Duration::from_secs(5))
        .await
        .unwrap();

    let waiting = tokio::spawn(async move {
        second
            .lock_dataset("abcd-1234", Duration::from_secs(10))
            .await
            .unwrap();
        second
    });
    sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    first.unlock_all().await.unwrap();
    let second = waiting.await.unwrap();
    assert!(
        first
            .lock_dataset("abcd-1234", Duration::from_millis(100))
            .await
            .is_err()
    );
    second.release().await.unwrap();
    first
        .lock_dataset("abcd-1234", Duration::from_secs(1))
        .await
        .unwrap();
    first.unlock_all().await.unwrap();
    first.unlock_all().await.unwrap();
    assert!(
        db.store.claim(first.row().schedule_id).await.is_err(),
        "the block stays claimed"
    );
}

#[tokio::test]
async fn a_turn_ends_with_its_claim() {
    let db = Db::planned().await;
    let (mut first, mut second) = (db.claim(0).await, db.claim(1).await);
    first
        .lock_dataset("abcd-1234", Duration::from_secs(5))
        .await
        .unwrap();
    drop(first);
    second
        .lock_dataset("abcd-1234", Duration::from_secs(10))
        .await
        .unwrap();
}
