//! The turn to write to a dataset.

use std::time::Duration;

use tokio::time::sleep;

use crate::fixture::Db;

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn uploads_to_a_dataset_run_one_at_a_time() {
    let db = Db::planned().await;
    let first = db.turn().await;
    let none = db.store.take_publish_turn("abcd-1234", SHORT).await;
    assert!(none.unwrap().is_none());
    let other = db.store.take_publish_turn("efgh-5678", SHORT).await;
    other.unwrap().unwrap().release().await.unwrap();

    let store = db.store.clone();
    let waiting = tokio::spawn(async move { store.take_publish_turn("abcd-1234", LONG).await });
    sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    first.release().await.unwrap();
    let second = waiting.await.unwrap().unwrap().unwrap();
    let none = db.store.take_publish_turn("abcd-1234", SHORT).await;
    assert!(none.unwrap().is_none());
    second.release().await.unwrap();
    db.turn().await.release().await.unwrap();
}

#[tokio::test]
async fn a_turn_ends_with_its_holder() {
    let db = Db::planned().await;
    drop(db.turn().await);
    let turn = db.store.take_publish_turn("abcd-1234", LONG).await;
    assert!(turn.unwrap().is_some());
}
