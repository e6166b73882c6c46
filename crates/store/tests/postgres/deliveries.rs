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

/// A row as a migration leaves it if the older tool's schedule had its hour as not loaded: the tool
/// stored the time of the load where no publication was told.
async fn without_block(db: &Db, published: Option<i64>) {
    db.deliver(0, 0, &[delivery(published, 1)]).await;
    db.sql
        .batch_execute(
            "UPDATE api.trips SET schedule_id = NULL, delivered_at = NULL, modified_date = '2020-01-02T00:00:00Z';
             UPDATE api.schedule SET loaded_deliveries = NULL, status_id = 0; DELETE FROM api.publications",
        )
        .await
        .unwrap();
}

#[rstest]
#[case::told_nothing(None, 1)]
#[case::equally_published(Some(20), 1)]
#[case::published_at_its_load(Some(600), 1)]
#[case::otherwise_published_at_its_load(Some(600), 2)]
#[tokio::test]
async fn a_row_without_a_block_gets_that_of_its_hour_and_is_published(
    #[case] stored: Option<i64>,
    #[case] distance: i64,
    #[values(true, false)] in_order: bool,
) {
    let db = Db::planned().await;
    without_block(&db, stored).await;
    let (hour, later) = (db.hour_of_trips().await, at(24 * 60 + 60));
    let delivered = [delivery(Some(20).min(stored), distance)];
    if in_order {
        db.deliver(hour, 0, &delivered).await;
    }
    let counts = db.deliver(hour, 60, &delivered).await;
    if !in_order {
        db.deliver(hour, 0, &delivered).await;
    }
    assert_eq!(counts.updated, u64::from(!in_order), "{counts:?}");
    assert_eq!(row(&db).await, format!("1|{}", db.schedule_id(hour).await));
    let to_send = "SELECT count(*) FROM api.publications p JOIN api.trips t USING (schedule_id) WHERE t.modified_date >= p.since";
    assert_eq!(db.text(to_send).await, "1");
    let last = "SELECT greatest(delivered_at, seen_at)::text FROM api.trips";
    let expected = format!("SELECT timestamptz '{later}'::text");
    assert_eq!(db.text(last).await, db.text(&expected).await);
    let before = db.physical().await;
    db.deliver(hour, 60, &delivered).await;
    assert_eq!(db.physical().await, before);
    db.deliver(hour, 120, &trips(2..3)).await;
    let gone = "SELECT count(*) FROM api.trips WHERE withdrawn_at IS NOT NULL";
    assert_eq!(db.text(gone).await, "1");
}

#[tokio::test]
async fn an_older_delivery_of_another_hour_does_not_get_a_row_without_a_block() {
    let db = Db::planned().await;
    without_block(&db, Some(600)).await;
    let hour = db.hour_of_trips().await;
    db.deliver(hour + 1, 120, &[delivery(None, 2)]).await;
    assert_eq!(row(&db).await, "1|null");
    db.deliver(hour, 60, &[delivery(None, 2)]).await;
    assert_eq!(row(&db).await, format!("1|{}", db.schedule_id(hour).await));
    let last = "SELECT seen_at = timestamptz '2020-01-02T12:00:00Z' FROM api.trips";
    assert_eq!(db.text(last).await, "t");
}

impl Db {
    /// The position of the block in whose hour the trips end.
    async fn hour_of_trips(&self) -> usize {
        let before = "SELECT count(*) FROM api.schedule WHERE block_end <= (SELECT min(end_time) FROM api.trips)";
        self.text(before).await.parse().unwrap()
    }
}
