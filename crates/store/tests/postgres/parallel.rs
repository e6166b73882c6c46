//! Concurrent loads of blocks that share devices and trips.

use std::time::Duration;

use futures::future::join_all;
use rstest::rstest;
use tokio::time::{sleep, timeout};

use crate::fixture::{Db, file, load, trip, trips, upsert};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn blocks_that_share_everything_do_not_deadlock() {
    let db = Db::planned().await;
    let loads = (0..12_usize).map(|n| {
        let db = &db;
        async move {
            let mut claim = db.claim(n).await;
            for round in 0..4_i64 {
                let mut delivery = trips(0..300);
                delivery.rotate_left(n * 25);
                if n % 2 == 1 {
                    delivery.reverse();
                }
                for trip in &mut delivery {
                    trip.trip_distance = 100 * i64::try_from(n).unwrap() + round;
                }
                load(&mut claim, &delivery, 0).await.unwrap();
            }
            claim.release().await.unwrap();
        }
    });
    timeout(Duration::from_secs(60), join_all(loads))
        .await
        .unwrap();
    assert_eq!(
        db.text("SELECT count(*), count(DISTINCT trip_distance) FROM api.trips")
            .await,
        "300|1"
    );
    assert_eq!(db.text("SELECT count(*) FROM api.devices").await, "300");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn new_trips_in_concurrent_loads_become_one_row() {
    let db = Db::planned().await;
    for round in 0..20 {
        let delivery = trips(round * 50..round * 50 + 50);
        let (db, delivery) = (&db, &delivery);
        let counts = join_all((0..4).map(|n| async move { db.load(n, delivery).await })).await;
        assert_eq!(counts.iter().map(|counts| counts.inserted).sum::<u64>(), 50);
        assert!(counts.iter().all(|counts| counts.loaded == 50));
    }
    assert_eq!(
        db.text("SELECT count(*), count(DISTINCT id) FROM api.trips")
            .await,
        "1000|1000"
    );
}

#[tokio::test]
async fn an_uncommitted_load_does_not_block_loads_of_other_trips() {
    let db = Db::planned().await;
    let (mut slow, mut quick) = (db.claim(0).await, db.claim(1).await);
    let pending = upsert(&mut slow, &trips(0..10), 0).await.unwrap();
    let mut same_devices = trips(20..30);
    same_devices
        .iter_mut()
        .zip(0..)
        .for_each(|(other, n)| other.device_id = trip(n).device_id);
    timeout(Duration::from_secs(5), load(&mut quick, &same_devices, 0))
        .await
        .unwrap()
        .unwrap();
    pending.commit(&file()).await.unwrap();
}

#[tokio::test]
async fn a_load_waits_for_an_uncommitted_load_of_the_same_trips() {
    let db = Db::planned().await;
    let (mut first, mut second) = (db.claim(0).await, db.claim(1).await);
    let pending = upsert(&mut first, &[trip(1)], 0).await.unwrap();
    let waiting = tokio::spawn(async move {
        let mut later = trip(1);
        later.trip_distance = 2;
        load(&mut second, &[later], 0).await
    });
    sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    pending.commit(&file()).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().updated, 1);
}

/// A trigger raises the error that the server reports in such a case.
#[rstest]
#[case("55P03", "Busy", true)]
#[case("40P01", "Unavailable", true)]
#[case("40001", "Unavailable", true)]
#[case("57014", "Unavailable", true)]
#[case("53100", "Unavailable", true)]
#[case("25006", "Unavailable", true)]
#[case("42501", "LacksRight", false)]
#[case("42P01", "NotMigrated", false)]
#[case("23505", "Database", false)]
#[tokio::test]
async fn transient_errors_are_told_from_permanent_ones(
    #[case] sqlstate: &str,
    #[case] variant: &str,
    #[case] is_transient: bool,
) {
    let db = Db::planned().await;
    let trigger = format!(
        "CREATE FUNCTION api.fail() RETURNS trigger LANGUAGE plpgsql
         AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$;
         CREATE TRIGGER fail BEFORE INSERT ON api.trips FOR EACH ROW EXECUTE FUNCTION api.fail()"
    );
    db.sql.batch_execute(&trigger).await.unwrap();
    let mut claim = db.claim(0).await;
    let error = load(&mut claim, &[trip(1)], 0).await.unwrap_err();
    assert!(format!("{error:?}").starts_with(variant), "{error:?}");
    assert_eq!(error.is_transient(), is_transient);
}
