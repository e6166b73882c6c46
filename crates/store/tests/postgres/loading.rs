//! A load writes a delivery to `api.trips` and counts it in `api.schedule`.

use std::time::Duration;

use futures::TryStreamExt as _;
use rstest::rstest;
use serde_json::json;
use store::{BlockRows as _, Fence as _, LoadCounts, StoreError};
use tokio_postgres::Client;
use trips::public_row::{PublicForm, PublicRow};
use trips::status::BlockStatus;
use trips::trip::{Flag, Flags};

use crate::fixture::{
    Db, NOTHING_LOADED, PROVIDER_ID, at, copy, deliver, file, load, open, public_id, published,
    request, trip, trips, upsert,
};

#[tokio::test]
async fn a_delivery_is_loaded() {
    let db = Db::planned().await;
    let counts = db.load(0, &trips(0..3)).await;
    assert_eq!(
        counts,
        LoadCounts {
            loaded: 3,
            inserted: 3,
            ..NOTHING_LOADED
        }
    );
    assert_eq!(
        db.text("SELECT count(*), count(DISTINCT schedule_id), min(mds_version) FROM api.trips")
            .await,
        "3|1|1.2.0"
    );
    let row = db
        .text(
            "SELECT id, provider_name, trip_duration, standard_cost, actual_cost, start_latitude, council_district_start,
                    council_district_end, orig_cell_id, flags FROM api.trips ORDER BY trip_id LIMIT 1",
        )
        .await;
    let id = public_id(trip(0).trip_id);
    assert_eq!(
        row,
        format!("{id}|Bird|600|350|null|30.26|9|null|null|{{}}")
    );
}

#[tokio::test]
async fn the_same_delivery_again_touches_nothing() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..200)).await;
    let before = db.physical().await;
    let counts = db.deliver(0, 0, &trips(0..200)).await;
    assert_eq!(
        counts,
        LoadCounts {
            loaded: 200,
            unchanged: 200,
            ..NOTHING_LOADED
        }
    );
    assert_eq!(db.physical().await, before);
}

#[tokio::test]
async fn only_the_changed_trips_of_a_delivery_are_updated() {
    let db = Db::planned().await;
    db.load(0, &trips(0..100)).await;
    let untouched =
        "SELECT trip_id, modified_date FROM api.trips WHERE trip_distance = 1500 ORDER BY 1";
    let before = db.rows(untouched).await;
    let mut changed = trips(0..100);
    changed
        .iter_mut()
        .step_by(10)
        .for_each(|trip| trip.trip_distance += 1);
    let counts = db.load(0, &changed).await;
    assert_eq!(
        counts,
        LoadCounts {
            loaded: 100,
            updated: 10,
            unchanged: 90,
            ..NOTHING_LOADED
        }
    );
    let after = db.rows(untouched).await;
    assert_eq!(after.len(), 90);
    assert!(after.iter().all(|row| before.contains(row)));
    let newest = "SELECT count(*) FROM api.trips WHERE modified_date > (SELECT min(modified_date) FROM api.trips)";
    assert_eq!(db.text(newest).await, "10");
}

#[tokio::test]
async fn a_value_that_appears_or_disappears_is_a_change() {
    let db = Db::planned().await;
    db.load(0, &[trip(1)]).await;
    let mut paid = trip(1);
    paid.actual_cost = Some(0);
    assert_eq!(db.load(0, &[paid.clone()]).await.updated, 1);
    assert_eq!(db.text("SELECT actual_cost FROM api.trips").await, "0");
    assert_eq!(db.load(0, &[paid]).await.updated, 0);
    assert_eq!(db.load(0, &[trip(1)]).await.updated, 1);
    assert_eq!(db.text("SELECT actual_cost FROM api.trips").await, "null");
}

#[tokio::test]
async fn the_newest_of_several_deliveries_of_a_trip_counts() {
    let db = Db::planned().await;
    let delivery = |published: Option<i64>, distance| {
        let mut trip = trip(1);
        trip.publication_time = published.map(at);
        trip.trip_distance = distance;
        trip
    };
    let deliveries = [
        delivery(None, 1),
        delivery(Some(30), 2),
        delivery(Some(20), 3),
        delivery(Some(30), 4),
        delivery(None, 5),
    ];
    let counts = db.load(0, &deliveries).await;
    assert_eq!(
        counts,
        LoadCounts {
            loaded: 1,
            inserted: 1,
            duplicates: 4,
            ..NOTHING_LOADED
        }
    );
    assert_eq!(db.text("SELECT trip_distance FROM api.trips").await, "4");
    let block = "SELECT records_total, records_processed, records_duplicate_count
                 FROM api.schedule WHERE records_total IS NOT NULL";
    assert_eq!(db.text(block).await, "5|1|4");

    db.load(1, &[delivery(Some(30), 6), delivery(Some(30), 7)])
        .await;
    assert_eq!(db.text("SELECT trip_distance FROM api.trips").await, "7");
}

#[rstest]
#[case(0, 0, BlockStatus::NoTrips)]
#[case(3, 0, BlockStatus::Loaded)]
#[case(3, 2, BlockStatus::LoadedWithRejects)]
#[case(0, 2, BlockStatus::AllRejected)]
#[tokio::test]
async fn a_load_sets_status_and_counts_of_its_block(
    #[case] valid: usize,
    #[case] rejected: u64,
    #[case] status: BlockStatus,
) {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    let trips = trips(0..u128::try_from(valid).unwrap());
    let counts = load(&mut claim, &trips, rejected).await.unwrap();
    let row = claim.row();
    assert_eq!(counts.status, status);
    assert_eq!(row.status, status);
    assert_eq!(
        row.records_total,
        Some(u64::try_from(valid).unwrap() + rejected)
    );
    assert_eq!(row.records_processed, Some(u64::try_from(valid).unwrap()));
    assert_eq!(row.records_error_count, Some(rejected));
    assert_eq!(row.records_duplicate_count, Some(0));
    assert_eq!(row.rerun_flag, rejected > 0);
    let error_payload = db
        .text("SELECT error_payload FROM api.schedule WHERE records_total IS NOT NULL")
        .await;
    let expected = match rejected {
        0 => "null".to_owned(),
        n => json!({"missing field": n}).to_string().replace(':', ": "),
    };
    assert_eq!(error_payload, expected);
}

#[tokio::test]
async fn counts_that_do_not_agree_load_nothing() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    let mut stage = claim.start_load().await.unwrap();
    copy(&mut stage, &trips(0..3)).await.unwrap();
    let error = stage.upsert(request(4, 1)).await.unwrap_err();
    assert!(matches!(
        error,
        StoreError::CountMismatch {
            fetched: 5,
            rejected: 1,
            copied: 3
        }
    ));
    assert_eq!(db.text("SELECT count(*) FROM api.trips").await, "0");
    assert_eq!(db.text("SELECT count(*) FROM api.devices").await, "0");
}

#[tokio::test]
async fn rows_of_an_abandoned_load_are_not_loaded() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    copy(&mut claim.start_load().await.unwrap(), &trips(0..3))
        .await
        .unwrap();
    let counts = load(&mut claim, &trips(5..6), 0).await.unwrap();
    assert_eq!(counts.loaded, 1);
    assert_eq!(db.text("SELECT count(*) FROM api.trips").await, "1");
}

#[tokio::test]
async fn many_loads_of_a_connection_leave_its_temporary_table_small() {
    let db = Db::planned().await;
    let (trips, mut largest) = (trips(0..100), 0);
    for _ in 0..60 {
        let mut claim = db.claim(0).await;
        load(&mut claim, &trips, 0).await.unwrap();
        claim.release().await.unwrap();
        let size = "SELECT max(pg_table_size(oid)) FROM pg_class WHERE relname = 'incoming' AND relpersistence = 't'";
        largest = largest.max(db.text(size).await.parse::<u64>().unwrap());
    }
    // As much as a load of 100 trips adds to 1 MiB.
    assert!(largest < 1_200_000, "{largest} bytes");
}

#[tokio::test]
async fn a_copy_that_is_not_finished_adds_no_rows() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    let mut stage = claim.start_load().await.unwrap();
    let mut encoder = store::CopyEncoder::new();
    encoder.push(&crate::fixture::row(0, &trip(1))).unwrap();
    let mut sink = stage.copy().await.unwrap();
    sink.send(encoder.take()).await.unwrap();
    drop(sink);
    assert_eq!(copy(&mut stage, &trips(2..4)).await.unwrap(), 2);
    assert_eq!(
        stage
            .upsert(request(2, 0))
            .await
            .unwrap()
            .commit(&file())
            .await
            .unwrap()
            .loaded,
        2
    );
}

#[tokio::test]
async fn a_load_without_a_commit_is_rolled_back() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    drop(upsert(&mut claim, &trips(0..3), 0).await.unwrap());
    assert_eq!(claim.row().status, BlockStatus::New);
    assert_eq!(db.text("SELECT count(*) FROM api.trips").await, "0");
    assert_eq!(load(&mut claim, &trips(0..3), 0).await.unwrap().inserted, 3);
}

#[tokio::test]
async fn a_published_block_stays_published_if_a_load_changes_nothing() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    load(&mut claim, &trips(0..2), 1).await.unwrap();
    claim.release().await.unwrap();
    db.publish(0).await;
    let mut claim = db.claim(0).await;
    let counts = load(&mut claim, &trips(0..2), 1).await.unwrap();
    assert_eq!(counts.status, BlockStatus::Published);
    assert_eq!(claim.row().status, BlockStatus::Published);

    let mut stage = claim.start_load().await.unwrap();
    copy(&mut stage, &trips(0..2)).await.unwrap();
    let mut republish = request(2, 0);
    republish.republish = true;
    let upsert = stage.upsert(republish).await.unwrap();
    let counts = upsert.commit(&file()).await.unwrap();
    assert_eq!(counts.status, BlockStatus::Loaded);
    assert_eq!(claim.row().published_at, None);
}

#[tokio::test]
async fn existing_ids_are_kept() {
    let db = Db::planned().await;
    db.load(0, &[trip(1)]).await;
    db.sql
        .batch_execute("UPDATE api.trips SET id = gen_random_uuid(); UPDATE api.devices SET id = gen_random_uuid()")
        .await
        .unwrap();
    let ids = "SELECT t.id, d.id FROM api.trips t, api.devices d";
    let before = db.text(ids).await;
    let mut changed = trip(1);
    changed.trip_distance = 7;
    let mut claim = db.claim(0).await;
    let mut upsert = upsert(&mut claim, &[changed], 0).await.unwrap();
    assert_eq!(upsert.counts().updated, 1);
    let rows = published(&mut upsert).await;
    let public = &rows[0];
    assert_eq!(format!("{}|{}", public.trip_id, public.device_id), before);
    upsert.commit(&file()).await.unwrap();
    assert_eq!(db.text(ids).await, before);
}

#[tokio::test]
async fn a_trip_delivered_unchanged_by_another_block_changes_its_owner_alone() {
    let db = Db::planned().await;
    db.load(0, &[trip(1)]).await;
    let content = "SELECT modified_date, trip_distance, publication_time FROM api.trips";
    let owner = "SELECT schedule_id, flags FROM api.trips";
    let before = db.text(content).await;
    let mut elsewhere = trip(1);
    elsewhere.flags.insert(Flag::OutsideHour);
    let counts = db.load(1, &[elsewhere.clone()]).await;
    assert_eq!((counts.unchanged, counts.updated), (1, 0));
    assert_eq!(db.text(content).await, before);
    let (own, other) = (db.schedule_id(0).await, db.schedule_id(1).await);
    assert_eq!(db.text(owner).await, format!("{other}|{{outside_hour}}"));

    assert_eq!(db.load(0, &[trip(1)]).await.updated, 0);
    assert_eq!(db.text(owner).await, format!("{own}|{{}}"));
    assert_eq!(db.text(content).await, before);

    elsewhere.trip_distance = 9;
    assert_eq!(db.load(1, &[elsewhere]).await.updated, 1);
    assert_eq!(db.text(owner).await, format!("{other}|{{outside_hour}}"));
}

#[tokio::test]
async fn flags_alone_change_a_row_of_the_same_block() {
    let db = Db::planned().await;
    db.load(0, &[trip(1)]).await;
    let mut flagged = trip(1);
    flagged.flags = [Flag::ZeroDistance, Flag::NegativeCost]
        .into_iter()
        .collect();
    assert_eq!(db.load(0, &[flagged]).await.updated, 1);
    assert_eq!(
        db.text("SELECT flags FROM api.trips").await,
        "{zero_distance,negative_cost}"
    );
}

#[tokio::test]
async fn the_rows_to_publish_are_those_of_the_block_in_order_of_time() {
    let db = Db::planned().await;
    db.load(1, &trips(10..20)).await;
    let mut delivery = trips(0..4);
    delivery[0].end_time = at(40);
    delivery[3].end_time = at(5);
    delivery[2].vehicle_type = None;
    delivery.push(delivery[1].clone());
    delivery.push(trip(12));
    let mut claim = db.claim(0).await;
    let mut upsert = upsert(&mut claim, &delivery, 0).await.unwrap();
    let rows = published(&mut upsert).await;
    let ids: Vec<_> = rows.iter().map(|row| row.trip_id).collect();
    let mut at_ten_past = [1, 2, 12].map(|n| public_id(trip(n).trip_id));
    at_ten_past.sort();
    let expected = [
        &[public_id(trip(3).trip_id)][..],
        &at_ten_past,
        &[public_id(trip(0).trip_id)],
    ]
    .concat();
    assert_eq!(ids, expected);

    let row = serde_json::to_value(PublicRow::new(&rows[0], &PublicForm::default())).unwrap();
    assert_eq!(row["device_id"], json!(public_id(trip(3).device_id)));
    assert_eq!(row["end_time"], "2020-01-01T10:05:00");
    assert_eq!(row["council_district_start"], "9");
    assert_eq!(row["council_district_end"], 0);
    upsert.commit(&file()).await.unwrap();
}

#[tokio::test]
async fn overlapping_trips_of_a_device_are_all_flagged() {
    let db = Db::planned().await;
    let device = trip(0).device_id;
    let leg = |n, from, to| {
        let mut trip = trip(n);
        trip.device_id = device;
        (trip.start_time, trip.end_time) = (at(from), at(to));
        trip
    };
    let mut long = leg(0, 0, 30);
    long.flags = [Flag::OutsideArea, Flag::NotARiderTrip]
        .into_iter()
        .collect();
    let delivery = [long, leg(1, 5, 6), leg(2, 29, 31), leg(3, 31, 40), trip(4)];
    db.load(0, &delivery).await;
    let flags = db
        .rows("SELECT flags FROM api.trips ORDER BY trip_id")
        .await;
    assert_eq!(
        flags,
        [
            "{outside_area,overlap,not_a_rider_trip}",
            "{overlap}",
            "{overlap}",
            "{}",
            "{}"
        ]
    );
    assert_eq!(delivery[1].flags, Flags::NONE);
}

#[tokio::test]
async fn a_vehicle_type_that_mds_does_not_have_is_flagged_when_it_is_joined() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    let vehicles: Vec<_> = [(0, "hoverboard"), (1, "Moped")]
        .map(|(n, kind)| trips::vehicle::Vehicle {
            device_id: trip(n).device_id,
            vehicle_id: None,
            vehicle_type: Some(kind.to_owned()),
            propulsion_type: None,
            record: "{}".to_owned(),
        })
        .into();
    claim
        .store_vehicles(PROVIDER_ID, at(0), &vehicles)
        .await
        .unwrap();
    let mut delivery = trips(0..3);
    delivery.iter_mut().for_each(|trip| {
        trip.vehicle_type = None;
        trip.flags.insert(Flag::ZeroDistance);
    });
    let mut joined = request(3, 0);
    joined.vehicles_of = Some(PROVIDER_ID);
    deliver(&mut claim, &delivery, &[], joined).await.unwrap();
    assert_eq!(
        db.rows("SELECT vehicle_type, flags FROM api.trips ORDER BY trip_id")
            .await,
        [
            "hoverboard|{zero_distance,unknown_vehicle_type}",
            "Moped|{zero_distance}",
            "null|{zero_distance}"
        ]
    );
}

#[tokio::test]
async fn no_statement_of_a_load_waits_behind_its_rows_for_the_portal() {
    let db = Db::planned().await;
    let trips = trips(0..1500);
    let mut claim = db.claim(0).await;
    let mut stage = claim.start_load().await.unwrap();
    copy(&mut stage, &trips).await.unwrap();
    let writing = stage.begin(request(1500, 0)).unwrap();
    let written = writing.write().await.unwrap();
    let checked = tokio::time::timeout(Duration::from_secs(30), writing.check()).await;
    checked.expect("it waits for the rows").unwrap();
    let mut upsert = writing.end(written);
    let rows: Vec<_> = upsert
        .public_rows()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(rows.len(), 1500);
    upsert.commit(&file()).await.unwrap();
}

/// A figure of the server about a table since it started, by sessions that have ended.
async fn figure(sql: &Client, table: &str, figure: &str) -> i64 {
    let others = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while sql.query_one(others, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let figure = format!("SELECT {figure} FROM pg_stat_user_tables WHERE relname = $1");
    sql.query_one(&figure, &[&table]).await.unwrap().get(0)
}

/// How often a whole table was read.
async fn full_scans(sql: &Client, table: &str) -> i64 {
    figure(sql, table, "seq_scan").await
}

/// How many trips and devices were read.
async fn rows_read(sql: &Client) -> i64 {
    let mut rows = 0;
    for table in ["trips", "devices"] {
        rows += figure(sql, table, "seq_tup_read + idx_tup_fetch").await;
    }
    rows
}

/// A new database has no statistics yet: a backfill fills it within a minute.
#[tokio::test]
async fn a_usual_hour_reads_few_of_the_rows_that_a_new_table_has() {
    let mut db = Db::planned().await;
    for table in ["trips", "devices"] {
        let unknown = format!("ALTER TABLE api.{table} SET (autovacuum_enabled = false)");
        db.sql.batch_execute(&unknown).await.unwrap();
    }
    let hour = |n: u128| trips(1000 * n..1000 * n + 1000);
    for n in 0..10 {
        let trips = hour(u128::try_from(n).unwrap());
        db.load(n, &trips).await;
    }
    let mut read = Vec::new();
    for (n, trips) in [(10, hour(10)), (10, hour(10)), (3, hour(3))] {
        db.store = open(&db.url, 1);
        let before = rows_read(&db.sql).await;
        db.load(n, &trips).await;
        db.store = open(&db.url, 1);
        read.push(rows_read(&db.sql).await - before);
    }
    assert!(
        read.iter().all(|rows| *rows < 8_000),
        "{read:?} rows were read"
    );
}

#[tokio::test]
async fn rows_for_the_portal_need_no_device_but_their_own() {
    let db = Db::planned().await;
    let trips = trips(0..2500);
    db.load(0, &trips).await;
    let schedule_id = db.schedule_id(0).await;
    let Db { store, sql, url } = db;
    drop(store);
    let others = "INSERT INTO api.devices SELECT gen_random_uuid(), provider_id, gen_random_uuid()
                  FROM (SELECT provider_id FROM api.devices LIMIT 1) AS one, generate_series(1, 20000);
                  ANALYZE api.devices, api.trips";
    sql.batch_execute(others).await.unwrap();
    let mut scans = Vec::new();
    for reads in [0, 5] {
        let before = full_scans(&sql, "devices").await;
        let store = open(&url, 1);
        let mut claim = store.claim(schedule_id).await.unwrap();
        let mut load = upsert(&mut claim, &trips, 0).await.unwrap();
        for _ in 0..reads {
            assert_eq!(published(&mut load).await.len(), 2500);
        }
        load.commit(&file()).await.unwrap();
        drop((claim, store));
        scans.push(full_scans(&sql, "devices").await - before);
    }
    // What else a load reads may change with the statistics.
    assert!(
        scans[1] < scans[0] + 5,
        "each time, all devices were read for those of a block"
    );
}
