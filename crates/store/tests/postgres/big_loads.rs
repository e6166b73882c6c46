//! Which statements load the trips of usual hours and of big ones, and trips that the table knows.

use std::time::Duration;

use rstest::rstest;
use store::{BlockRows as _, Claim, LoadCounts, LoadRequest, StoreError, Upsert};
use tokio::time::sleep;
use trips::trip::Trip;
use uuid::Uuid;

use crate::fixture::{
    Db, copy, file, public_id, published, request, screened, trip, trips, upsert,
};

/// Devices that are so many are inserted beside the trips.
async fn upsert_many<'c>(claim: &'c mut Claim, trips: &[Trip]) -> Upsert<'c> {
    let mut stage = claim.start_load().await.unwrap();
    copy(&mut stage, trips).await.unwrap();
    let request = LoadRequest {
        screened: screened(trips),
        ..request(trips.len(), 0)
    };
    stage.upsert(request).await.unwrap()
}

#[tokio::test]
async fn many_devices_are_inserted_beside_the_trips_and_keep_the_ids_that_they_have() {
    let db = Db::planned().await;
    let known = trip(7);
    db.sql
        .execute(
            "INSERT INTO api.devices (id, provider_id, device_id) VALUES ($1, $2, $3)",
            &[&Uuid::from_u128(77), &known.provider_id, &known.device_id],
        )
        .await
        .unwrap();
    let counts = db.deliver(0, 0, &trips(0..2100)).await;
    assert_eq!((counts.loaded, counts.inserted), (2100, 2100));
    let devices =
        "SELECT count(*), count(*) FILTER (WHERE devices.id = '00000000-0000-0000-0000-00000000004d')
                   FROM api.devices JOIN api.trips USING (provider_id, device_id)";
    assert_eq!(
        db.rows(devices.replace('\n', " ").as_str()).await,
        ["2100|1"]
    );
}

/// The public ids of the devices of trips, by the numbers of the trips.
async fn published_devices(upsert: &mut Upsert<'_>) -> Vec<Uuid> {
    let mut rows = published(upsert).await;
    rows.sort_by_key(|row| std::cmp::Reverse(row.trip_id));
    rows.iter().map(|row| row.device_id).collect()
}

#[tokio::test]
async fn rows_for_the_portal_have_the_public_ids_that_the_table_has() {
    let db = Db::planned().await;
    let (of_table, of_another) = (Uuid::from_u128(77), Uuid::from_u128(78));
    for (id, known) in [(of_table, trip(7)), (of_another, trip(9000))] {
        let insert = "INSERT INTO api.devices (id, provider_id, device_id) VALUES ($1, $2, $3)";
        db.sql
            .execute(insert, &[&id, &known.provider_id, &known.device_id])
            .await
            .unwrap();
    }
    let mut claim = db.claim(0).await;
    let mut delivery = trips(0..2100);
    let mut expected: Vec<Uuid> = delivery.iter().map(|it| public_id(it.device_id)).collect();
    expected[7] = of_table;
    let mut first = upsert_many(&mut claim, &delivery).await;
    assert!(published_devices(&mut first).await == expected);
    first.commit(&file()).await.unwrap();

    // The row keeps what was published later, with a device that is none of this load.
    let later = "UPDATE api.trips SET device_id = $1, publication_time = now() WHERE trip_id = $2";
    db.sql
        .execute(later, &[&trip(9000).device_id, &delivery[0].trip_id])
        .await
        .unwrap();
    delivery[0].device_id = trip(9001).device_id;
    expected[0] = of_another;
    let mut second = upsert_many(&mut claim, &delivery).await;
    let unknown = second.public_rows().await.unwrap();
    let unknown: Result<Vec<_>, _> = futures::TryStreamExt::try_collect(unknown).await;
    assert!(
        matches!(unknown, Err(StoreError::UnknownDevice)),
        "{unknown:?}"
    );
    second.name_devices().await.unwrap();
    assert!(published_devices(&mut second).await == expected);
}

/// Whether a session waits for a lock of another one.
const WAITS: &str = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";

#[rstest]
#[case::few(10)]
#[case::many(2100)]
#[tokio::test]
async fn trips_that_another_load_inserts_meanwhile_become_one_row(#[case] count: u64) {
    let db = Db::planned().await;
    let (mut first, mut second) = (db.claim(0).await, db.claim(1).await);
    let pending = upsert(&mut first, &trips(5..8), 0).await.unwrap();
    let waiting = tokio::spawn(async move {
        let mut delivery = trips(0..u128::from(count));
        for trip in &mut delivery {
            trip.trip_distance = 2;
        }
        // Two trips of one vehicle overlap, and one is delivered twice.
        delivery[1].device_id = delivery[0].device_id;
        delivery.push(delivery[2].clone());
        let mut upsert = upsert(&mut second, &delivery, 0).await.unwrap();
        let rows = published(&mut upsert).await.len();
        (rows, upsert.commit(&file()).await.unwrap())
    });
    while db.text(WAITS).await == "0" {
        assert!(!waiting.is_finished(), "it does not see the other load");
        sleep(Duration::from_millis(10)).await;
    }
    pending.commit(&file()).await.unwrap();
    let (rows, counts) = waiting.await.unwrap();
    let expected = LoadCounts {
        loaded: count,
        inserted: count - 3,
        updated: 3,
        duplicates: 1,
        ..counts
    };
    assert_eq!((counts, rows as u64), (expected, count));
    let written = "SELECT count(*), count(*) FILTER (WHERE trip_distance = 2),
                          count(*) FILTER (WHERE 'overlap' = ANY (flags)) FROM api.trips";
    let written = db.text(written).await;
    assert_eq!(written, format!("{count}|{count}|2"));
}

/// Notes how many statements insert trips, and how many of them are prepared for a conflict.
const NOTE_INSERTS: &str = "
    CREATE TABLE inserts (is_plain boolean);
    CREATE FUNCTION note_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN INSERT INTO inserts VALUES (current_query() NOT LIKE '%ON CONFLICT%'); RETURN NULL; END $$;
    CREATE TRIGGER note_insert AFTER INSERT ON api.trips FOR EACH STATEMENT EXECUTE FUNCTION note_insert()";

/// How many inserts were plain, and how many were not.
async fn inserts(db: &Db) -> String {
    db.text("SELECT count(*) FILTER (WHERE is_plain), count(*) FILTER (WHERE NOT is_plain) FROM inserts")
        .await
}

#[rstest]
#[case::few(10)]
#[case::many(2100)]
#[tokio::test]
async fn only_trips_that_the_table_knows_are_compared_with_it(#[case] count: u128) {
    let db = Db::planned().await;
    db.sql.batch_execute(NOTE_INSERTS).await.unwrap();
    let counts = db.deliver(1, 0, &trips(0..count)).await;
    assert_eq!(u128::from(counts.inserted), count);
    assert_eq!(inserts(&db).await, "1|0");
    db.deliver(0, 1, &trips(count..2 * count)).await;
    assert_eq!(inserts(&db).await, "2|0", "the hour before");
    let counts = db.deliver(0, 2, &trips(2 * count..3 * count)).await;
    assert_eq!(u128::from(counts.withdrawn), count);
    assert_eq!(inserts(&db).await, "2|1", "a block that has trips");
    db.deliver(2, 3, &trips(3 * count - 1..4 * count - 1)).await;
    assert_eq!(inserts(&db).await, "2|2", "a trip of another hour");
}

/// A report finds out by the number of a row's transaction whether an earlier one has seen it.
#[rstest]
#[case::few(10)]
#[case::many(2100)]
#[tokio::test]
async fn rows_of_a_load_have_the_number_of_its_transaction(#[case] count: u128) {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    let upsert = upsert_many(&mut claim, &trips(0..count)).await;
    let open = "SELECT backend_xid::text FROM pg_stat_activity
                WHERE datname = current_database() AND backend_xid IS NOT NULL
                  AND backend_type = 'client backend'";
    let transaction = db.text(open).await;
    upsert.commit(&file()).await.unwrap();
    let written = "SELECT DISTINCT xmin::text FROM api.trips";
    assert_eq!(db.text(written).await, transaction);
}

#[tokio::test]
async fn a_block_that_has_trips_loses_those_that_are_gone() {
    let db = Db::planned().await;
    assert_eq!(db.deliver(0, 0, &trips(0..10)).await.inserted, 10);
    let counts = db.deliver(0, 1, &trips(5000..7100)).await;
    assert_eq!((counts.inserted, counts.withdrawn), (2100, 10));
}
