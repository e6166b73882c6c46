//! Trips that their provider no longer returns.

use rstest::rstest;
use store::LoadCounts;
use trips::status::BlockStatus;
use trips::trip::Trip;
use uuid::Uuid;

use crate::fixture::{
    Db, NOTHING_LOADED, at, deliver, file, published, request, request_at, trip, trips, upsert,
};

/// The trips that do not count, and the minute since when.
const WITHDRAWN: &str = "
    SELECT extract(epoch FROM withdrawn_at - '2020-01-02T10:00:00Z')::int / 60, trip_id FROM api.trips
    WHERE withdrawn_at IS NOT NULL ORDER BY trip_id";

fn withdrawn(trips: &[(i64, u128)]) -> Vec<String> {
    let line = |(minutes, n): &(i64, u128)| format!("{minutes}|{}", trip(*n).trip_id);
    trips.iter().map(line).collect()
}

#[tokio::test]
async fn a_trip_that_is_no_longer_delivered_is_withdrawn() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..3)).await;
    db.deliver(1, 0, &trips(5..6)).await;
    let modified =
        "SELECT trip_id, modified_date FROM api.trips WHERE withdrawn_at IS NULL ORDER BY 1";
    let counts = db.deliver(0, 60, &trips(1..3)).await;
    assert_eq!(
        counts,
        LoadCounts {
            loaded: 2,
            unchanged: 2,
            withdrawn: 1,
            ..NOTHING_LOADED
        }
    );
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[(60, 0)]));
    let newest = "SELECT trip_id FROM api.trips ORDER BY modified_date DESC LIMIT 1";
    assert_eq!(db.text(newest).await, trip(0).trip_id.to_string());
    assert_eq!(db.rows(modified).await.len(), 3);
    assert_eq!(db.store.trip_count().await.unwrap(), 3);

    // Still missing: since the first time.
    let before = db.text("SELECT max(modified_date) FROM api.trips").await;
    assert_eq!(db.deliver(0, 120, &trips(1..3)).await.withdrawn, 0);
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[(60, 0)]));
    assert_eq!(
        db.text("SELECT max(modified_date) FROM api.trips").await,
        before
    );
}

#[tokio::test]
async fn a_withdrawn_trip_counts_again_once_it_is_delivered() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..2)).await;
    db.deliver(0, 60, &trips(1..2)).await;
    let modified = "SELECT modified_date FROM api.trips ORDER BY trip_id LIMIT 1";
    let before = db.text(modified).await;
    let counts = db.deliver(0, 120, &trips(0..2)).await;
    assert_eq!((counts.updated, counts.unchanged), (1, 1));
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[]));
    assert_ne!(db.text(modified).await, before);
}

/// The provider forgot its publication time, or set it back.
#[rstest]
#[case::same_block(0)]
#[case::another_block(1)]
#[tokio::test]
async fn a_withdrawn_trip_counts_again_even_if_its_delivery_is_older(#[case] block: usize) {
    let db = Db::planned().await;
    let mut published = trip(0);
    published.publication_time = Some(at(30));
    published.trip_distance = 7;
    db.deliver(0, 0, &[published, trip(1)]).await;
    db.deliver(0, 60, &trips(1..2)).await;
    db.deliver(block, 120, &trips(0..2)).await;
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[]));
    let kept = "SELECT trip_distance FROM api.trips ORDER BY trip_id LIMIT 1";
    assert_eq!(db.text(kept).await, "7");
    // The archive from before does not take it away again.
    db.deliver(0, 60, &trips(1..2)).await;
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[]));
    db.deliver(0, 180, &trips(1..2)).await;
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[(180, 0)]));
}

#[tokio::test]
async fn an_empty_delivery_withdraws_every_trip_of_its_block() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..3)).await;
    db.deliver(1, 30, &trips(2..4)).await;
    let counts = db.deliver(0, 60, &[]).await;
    assert_eq!((counts.status, counts.withdrawn), (BlockStatus::Loaded, 2));
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[(60, 0), (60, 1)]));
    assert_eq!(db.block(0).await.status, BlockStatus::Loaded);
}

#[tokio::test]
async fn an_older_delivery_withdraws_nothing() {
    let db = Db::planned().await;
    db.deliver(0, 60, &trips(0..3)).await;
    let before = db.physical().await;
    assert_eq!(db.deliver(0, 0, &trips(1..2)).await.withdrawn, 0);
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[]));
    assert_eq!(db.physical().await, before);
}

/// The hour was requested again before the trip was ever loaded.
#[tokio::test]
async fn a_trip_of_an_older_delivery_alone_is_loaded_as_withdrawn() {
    let db = Db::planned().await;
    db.deliver(0, 60, &trips(1..2)).await;
    let counts = db.deliver(0, 0, &trips(0..2)).await;
    assert_eq!((counts.inserted, counts.unchanged), (1, 1));
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[(60, 0)]));
}

#[tokio::test]
async fn a_rejected_trip_is_not_withdrawn() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..3)).await;
    let mut claim = db.claim(0).await;
    let rejected = [trip(0).trip_id, Uuid::from_u128(1)];
    let request = request_at(at(24 * 60 + 60), 1, 1);
    let counts = deliver(&mut claim, &trips(1..2), &rejected, request)
        .await
        .unwrap();
    assert_eq!((counts.rejected, counts.withdrawn), (1, 1));
    assert_eq!(counts.status, BlockStatus::LoadedWithRejects);
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[(60, 2)]));
}

#[tokio::test]
async fn a_load_that_rejects_every_trip_withdraws_nothing() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..3)).await;
    let before = db.physical().await;
    let mut claim = db.claim(0).await;
    let request = request_at(at(24 * 60 + 60), 0, 2);
    let counts = deliver(&mut claim, &[], &[], request).await.unwrap();
    assert_eq!(counts.status, BlockStatus::AllRejected);
    assert_eq!(db.physical().await, before);

    // Once the rules are corrected, the same delivery withdraws what it does not have.
    let request = request_at(at(24 * 60 + 60), 2, 0);
    let counts = deliver(&mut claim, &trips(0..2), &[], request)
        .await
        .unwrap();
    assert_eq!(counts.withdrawn, 1);
}

#[tokio::test]
async fn withdrawals_can_be_left_out() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..3)).await;
    let mut claim = db.claim(0).await;
    let mut keeping = request_at(at(24 * 60 + 60), 2, 0);
    keeping.withdraw = false;
    let counts = deliver(&mut claim, &trips(0..2), &[], keeping)
        .await
        .unwrap();
    assert_eq!(counts.withdrawn, 0);
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[]));
}

#[tokio::test]
async fn withdrawn_trips_are_not_published_and_open_a_published_block() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..3)).await;
    db.publish(0).await;
    let mut claim = db.claim(0).await;
    let mut load = upsert(&mut claim, &trips(0..2), 0).await.unwrap();
    assert_eq!(published(&mut load).await.len(), 2);
    assert_eq!(
        load.commit(&file()).await.unwrap().status,
        BlockStatus::Loaded
    );
    assert_eq!(claim.row().published_at, None);
}

#[tokio::test]
async fn a_load_without_a_commit_withdraws_nothing() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..3)).await;
    let mut claim = db.claim(0).await;
    drop(upsert(&mut claim, &trips(0..1), 0).await.unwrap());
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[]));
    let counts = deliver(&mut claim, &trips(0..1), &[], request(1, 0)).await;
    assert_eq!(counts.unwrap().withdrawn, 2);
}

#[tokio::test]
async fn a_trip_that_moved_to_another_block_is_not_withdrawn_by_the_first() {
    let db = Db::planned().await;
    let mut moved: Trip = trip(0);
    db.deliver(0, 0, &trips(0..2)).await;
    moved.trip_distance = 9;
    db.deliver(1, 30, &[moved]).await;
    assert_eq!(db.deliver(0, 60, &trips(1..2)).await.withdrawn, 0);
    assert_eq!(db.rows(WITHDRAWN).await, withdrawn(&[]));
}
