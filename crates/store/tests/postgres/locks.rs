//! The turn to write to a dataset.

use std::time::Duration;

use store::Fence as _;
use tokio::time::{sleep, timeout};

use crate::fixture::Db;

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn uploads_to_a_dataset_run_one_at_a_time() {
    let db = Db::planned().await;
    let first = db.turn().await;
    let none = db.store.take_publish_turn("abcd-1234", SHORT, LONG).await;
    assert!(none.unwrap().is_none());
    let other = db.store.take_publish_turn("efgh-5678", SHORT, LONG).await;
    other.unwrap().unwrap().release().await.unwrap();

    let store = db.store.clone();
    let waiting =
        tokio::spawn(async move { store.take_publish_turn("abcd-1234", LONG, LONG).await });
    sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    first.release().await.unwrap();
    let second = waiting.await.unwrap().unwrap().unwrap();
    let none = db.store.take_publish_turn("abcd-1234", SHORT, LONG).await;
    assert!(none.unwrap().is_none());
    second.release().await.unwrap();
    db.turn().await.release().await.unwrap();
}

#[tokio::test]
async fn a_turn_ends_with_its_holder() {
    let db = Db::planned().await;
    drop(db.turn().await);
    let turn = db.store.take_publish_turn("abcd-1234", LONG, LONG).await;
    assert!(turn.unwrap().is_some());
}

#[tokio::test]
async fn a_turn_is_lost_by_silence_and_kept_by_holding_it() {
    const SILENCE: Duration = Duration::from_secs(1);
    let db = Db::planned().await;
    let turn = db
        .store
        .take_publish_turn("abcd-1234", SHORT, SILENCE)
        .await;
    let turn = turn.unwrap().unwrap();
    let lost = timeout(3 * SILENCE, turn.hold()).await;
    assert!(lost.is_err(), "the turn was lost");
    turn.check().await.unwrap();

    // A frozen process says nothing.
    let next = db
        .store
        .take_publish_turn("abcd-1234", 5 * SILENCE, LONG)
        .await;
    let next = next.unwrap().expect("nobody got the turn");
    turn.check().await.unwrap_err();
    turn.release().await.unwrap_err();
    next.check().await.unwrap();
    next.release().await.unwrap();
}

#[tokio::test]
async fn a_process_that_was_frozen_while_it_waited_loses_the_turn_by_silence() {
    const SILENCE: Duration = Duration::from_secs(1);
    let db = Db::planned().await;
    let first = db.turn().await;
    let mut frozen = Box::pin(db.store.take_publish_turn("abcd-1234", LONG, SILENCE));
    // It waits, and then nothing drives it any more, while the server gives it the lock.
    let waited = timeout(Duration::from_millis(300), &mut frozen).await;
    assert!(waited.is_err(), "it did not wait");
    first.release().await.unwrap();
    let next = db
        .store
        .take_publish_turn("abcd-1234", 5 * SILENCE, LONG)
        .await;
    next.unwrap()
        .expect("nobody got the turn")
        .release()
        .await
        .unwrap();
    // Whatever it does with the turn fails.
    if let Ok(turn) = frozen.await {
        turn.unwrap().check().await.unwrap_err();
    }
}

#[tokio::test]
async fn a_process_that_waited_in_vain_leaves_no_limit_behind() {
    let db = Db::planned().await;
    let first = db.turn().await;
    let none = db
        .store
        .take_publish_turn("abcd-1234", SHORT, 2 * SHORT)
        .await;
    assert!(none.unwrap().is_none());
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
    let sessions: i64 = db.sql.query_one(count, &[]).await.unwrap().get(0);
    sleep(6 * SHORT).await;
    let after: i64 = db.sql.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(sessions, after, "the connection was ended");
    first.release().await.unwrap();
}

#[tokio::test]
async fn a_turn_that_was_given_back_limits_nobody() {
    let db = Db::planned().await;
    for _ in 0..2 {
        let turn = db
            .store
            .take_publish_turn("abcd-1234", SHORT, 2 * SHORT)
            .await;
        turn.unwrap().unwrap().release().await.unwrap();
        sleep(4 * SHORT).await;
    }
    let ended = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
    let sessions: i64 = db.sql.query_one(ended, &[]).await.unwrap().get(0);
    let turn = db.store.take_publish_turn("abcd-1234", SHORT, LONG).await;
    turn.unwrap().unwrap().release().await.unwrap();
    let after: i64 = db.sql.query_one(ended, &[]).await.unwrap().get(0);
    assert_eq!(sessions, after, "the connection was replaced");
}
