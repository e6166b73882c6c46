//! Locks that a claim takes in addition to its block.

use std::time::Duration;

use store::{Busy, StoreError};
use tokio::time::sleep;

use crate::fixture::Db;

#[tokio::test]
async fn uploads_to_a_dataset_run_one_at_a_time() {
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
async fn a_dataset_is_unlocked_when_its_claim_ends() {
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
