//! Of several deliveries of a trip the newest counts, whichever is loaded last.

use rstest::rstest;
use trips::trip::Trip;

use crate::fixture::{Db, at, published, trip, trips, upsert};

/// A delivery of the same trip, published this many minutes after its start.
fn delivery(published: Option<i64>, distance: i64) -> Trip {
    let mut trip = trip(1);
    trip.publication_time = published.map(at);
    trip.trip_distance = distance;
    trip
}

async fn row(db: &Db) -> String {
    db.text("SELECT trip_distance, schedule_id FROM api.trips")
        .await
}

#[rstest]
#[case::later_request(None, None)]
#[case::equally_published(Some(20), Some(20))]
#[case::later_published(Some(20), Some(30))]
#[case::published_at_all(None, Some(30))]
#[tokio::test]
async fn an_older_delivery_undoes_no_correction(
    #[case] older: Option<i64>,
    #[case] newer: Option<i64>,
    #[values(true, false)] in_order: bool,
) {
    let db = Db::planned().await;
    if in_order {
        db.deliver(0, 0, &[delivery(older, 1)]).await;
    }
    db.deliver(1, 60, &[delivery(newer, 2)]).await;
    let before = db.physical().await;
    let expected = format!("2|{}", db.schedule_id(1).await);
    let counts = db.deliver(0, 0, &[delivery(older, 1)]).await;
    assert_eq!((counts.loaded, counts.unchanged), (1, 1));
    assert_eq!(row(&db).await, expected);
    assert_eq!(db.physical().await, before);
}

#[tokio::test]
async fn a_later_publication_counts_more_than_a_later_request() {
    let db = Db::planned().await;
    db.deliver(0, 0, &[delivery(Some(30), 1)]).await;
    db.deliver(1, 60, &[delivery(Some(20), 2)]).await;
    db.deliver(2, 120, &[delivery(None, 3)]).await;
    assert_eq!(row(&db).await, format!("1|{}", db.schedule_id(0).await));
}

#[tokio::test]
async fn of_equal_deliveries_that_of_the_later_block_counts() {
    let db = Db::planned().await;
    db.deliver(1, 0, &[delivery(None, 1)]).await;
    db.deliver(0, 0, &[delivery(None, 2)]).await;
    assert_eq!(row(&db).await, format!("1|{}", db.schedule_id(1).await));
}

/// New boundaries or rules make something else of the same delivery.
#[tokio::test]
async fn a_load_of_the_same_delivery_changes_the_rows_that_its_block_owns() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..3)).await;
    db.deliver(1, 60, &trips(2..3)).await;
    let mut otherwise = trips(0..3);
    otherwise
        .iter_mut()
        .for_each(|trip| trip.vehicle_type = None);
    assert_eq!(db.deliver(0, 0, &otherwise).await.updated, 2);
    let found = db
        .rows("SELECT vehicle_type FROM api.trips ORDER BY trip_id")
        .await;
    assert_eq!(found, ["null", "null", "scooter"]);
}

#[tokio::test]
async fn a_block_publishes_no_row_that_another_block_owns() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..3)).await;
    let mut moved = trip(1);
    moved.trip_distance = 7;
    db.deliver(1, 60, &[moved]).await;
    let mut claim = db.claim(0).await;
    let mut stage = claim.start_load().await.unwrap();
    crate::fixture::copy(&mut stage, &trips(0..3))
        .await
        .unwrap();
    let request = crate::fixture::request_at(at(24 * 60), 3, 0);
    let mut again = stage.upsert(request).await.unwrap();
    let rows = published(&mut again).await;
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.trip_distance == 1500));
    drop(again);
    let mut later = db.claim(2).await;
    let mut all = upsert(&mut later, &trips(0..3), 0).await.unwrap();
    assert_eq!(published(&mut all).await.len(), 3);
}
