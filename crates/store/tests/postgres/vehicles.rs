//! Vehicles that become known after their trips were loaded.

use chrono::{DateTime, Utc};
use store::{LoadRequest, WantedDevice};
use trips::status::BlockStatus;
use trips::trip::Trip;
use trips::vehicle::Vehicle;
use uuid::Uuid;

use crate::fixture::{Db, PROVIDER_ID, RUN, at, copy, file, load, request, trip, trips};

/// Trips of MDS 2.0.
fn without_vehicles(numbers: std::ops::Range<u128>) -> Vec<Trip> {
    let mut trips = trips(numbers);
    for trip in &mut trips {
        (trip.vehicle_id, trip.vehicle_type, trip.propulsion_type) = (None, None, None);
    }
    trips
}

/// What a provider says about the device of the n-th trip.
fn vehicle(n: u128, kind: Option<&str>) -> Vehicle {
    Vehicle {
        device_id: trip(n).device_id,
        vehicle_id: None,
        vehicle_type: kind.map(ToOwned::to_owned),
        propulsion_type: None,
        record: "{}".to_owned(),
    }
}

impl Db {
    async fn store_vehicles(&self, at: DateTime<Utc>, vehicles: &[Vehicle]) -> u64 {
        let claim = self.claim(0).await;
        let stored = claim.store_vehicles(PROVIDER_ID, at, vehicles).await;
        claim.release().await.unwrap();
        stored.unwrap()
    }

    /// Loads the first block, with what is known about its vehicles.
    async fn load_flat(&self, trips: &[Trip]) {
        let mut claim = self.claim(0).await;
        let mut stage = claim.start_load().await.unwrap();
        copy(&mut stage, trips).await.unwrap();
        let request = LoadRequest {
            vehicles_of: Some(PROVIDER_ID),
            ..request(trips.len(), 0)
        };
        let upsert = stage.upsert(request).await.unwrap();
        upsert.commit(&file()).await.unwrap();
        claim.release().await.unwrap();
        self.sql
            .batch_execute(
                "UPDATE api.schedule SET payload = 'trips.json' WHERE run_id IS NOT NULL",
            )
            .await
            .unwrap();
    }

    /// Reopens blocks as a block of the provider does that has no trips of its own.
    async fn reopen(&self) -> u64 {
        let claim = self.claim(23).await;
        let reopened = claim.reopen_for_vehicles(PROVIDER_ID).await.unwrap();
        claim.release().await.unwrap();
        reopened
    }

    /// Puts everything that has happened so far back by two hours.
    async fn wait(&self) {
        self.sql
            .batch_execute(
                "UPDATE api.vehicles SET fetched_at = fetched_at - interval '2 hours';
                 UPDATE api.schedule SET updated_at = updated_at - interval '2 hours',
                     loaded_at = loaded_at - interval '2 hours'",
            )
            .await
            .unwrap();
    }

    async fn known_vehicles(&self) -> Vec<String> {
        self.rows(
            "SELECT device_id, fetched_at, vehicle_type FROM api.vehicles ORDER BY device_id, fetched_at",
        )
        .await
    }
}

#[tokio::test]
async fn a_loaded_block_is_reopened_once_its_vehicles_are_known() {
    let db = Db::planned().await;
    let mut without_vehicle = trip(1);
    without_vehicle.vehicle_type = None;
    let mut claim = db.claim(0).await;
    load(&mut claim, &[without_vehicle], 0).await.unwrap();
    db.sql
        .batch_execute(
            "UPDATE api.schedule SET payload = 'trips.json', loaded_at = '2020-01-01' WHERE run_id IS NOT NULL",
        )
        .await
        .unwrap();
    assert_eq!(claim.reopen_for_vehicles(PROVIDER_ID).await.unwrap(), 0);

    let stored = claim
        .store_vehicles(PROVIDER_ID, at(60), &[vehicle(1, Some("scooter"))])
        .await
        .unwrap();
    assert_eq!(stored, 1);
    for before in BlockStatus::ALL {
        claim.mark_failed(before, RUN, "", "").await.unwrap();
        db.sql
            .batch_execute("UPDATE api.schedule SET updated_at = updated_at - interval '2 hours'")
            .await
            .unwrap();
        let is_reopened = matches!(
            before,
            BlockStatus::Loaded
                | BlockStatus::LoadedWithRejects
                | BlockStatus::Published
                | BlockStatus::PublishFailed
        );
        let reopened = claim.reopen_for_vehicles(PROVIDER_ID).await.unwrap();
        assert_eq!(reopened, u64::from(is_reopened), "{before}");
        let expected = if is_reopened {
            BlockStatus::Archived
        } else {
            before
        };
        assert_eq!(db.block(0).await.status, expected);
    }
}

#[tokio::test]
async fn a_trip_gets_what_any_record_of_its_device_says_and_its_block_is_reopened_once() {
    let db = Db::planned().await;
    let known = Vehicle {
        vehicle_id: Some("M1".to_owned()),
        ..vehicle(1, None)
    };
    // In force at the trip's end, without a type.
    db.store_vehicles(at(-60), &[known]).await;
    let trips = without_vehicles(1..2);
    db.load_flat(&trips).await;
    let of_trip = "SELECT vehicle_id, vehicle_type FROM api.trips";
    assert_eq!(db.rows(of_trip).await, ["M1|null"]);
    db.wait().await;
    assert_eq!(db.reopen().await, 0, "no record has a type");

    let mut later = vehicle(1, Some("moped"));
    later.vehicle_id = Some("M2".to_owned());
    db.store_vehicles(Utc::now(), &[later]).await;
    assert_eq!(db.reopen().await, 1);
    assert_eq!(db.reopen().await, 0, "it waits to be loaded");
    db.load_flat(&trips).await;
    assert_eq!(db.rows(of_trip).await, ["M1|moped"]);
    db.wait().await;
    assert_eq!(db.reopen().await, 0, "the load has given it the type");
}

#[tokio::test]
async fn trips_that_no_load_changes_do_not_reopen_their_block_for_ever() {
    let db = Db::planned().await;
    db.load_flat(&without_vehicles(1..3)).await;
    db.store_vehicles(Utc::now(), &[vehicle(1, Some("moped")), vehicle(2, None)])
        .await;
    db.wait().await;
    // The block keeps a trip that its archive does not have any more.
    db.load_flat(&without_vehicles(2..3)).await;
    db.wait().await;
    assert_eq!(db.reopen().await, 0);

    db.store_vehicles(Utc::now(), &[vehicle(2, Some("moped"))])
        .await;
    db.sql
        .batch_execute("UPDATE api.trips SET withdrawn_at = now()")
        .await
        .unwrap();
    assert_eq!(db.reopen().await, 0, "withdrawn trips count nowhere");
    db.sql
        .batch_execute("UPDATE api.trips SET withdrawn_at = NULL")
        .await
        .unwrap();
    assert_eq!(db.reopen().await, 1);
}

#[tokio::test]
async fn a_block_that_a_run_works_on_is_left_to_the_next_list() {
    let db = Db::planned().await;
    db.load_flat(&without_vehicles(1..2)).await;
    db.store_vehicles(Utc::now(), &[vehicle(1, Some("moped"))])
        .await;
    assert_eq!(db.reopen().await, 0);
    db.sql
        .batch_execute(
            "INSERT INTO api.runs (run_id, stage, request)
             SELECT DISTINCT run_id, 'staging', '{}'::jsonb FROM api.schedule WHERE run_id IS NOT NULL;
             INSERT INTO api.run_blocks (run_id, schedule_id, step, outcome)
             SELECT run_id, schedule_id, 'sync-db', 'done' FROM api.schedule WHERE run_id IS NOT NULL",
        )
        .await
        .unwrap();
    assert_eq!(db.reopen().await, 1, "its run has ended");
}

#[tokio::test]
async fn of_two_records_of_a_list_the_last_one_counts_wherever_a_batch_ends() {
    let first = [vehicle(1, Some("car")), vehicle(2, Some("car"))];
    let last = [vehicle(1, Some("moped")), vehicle(2, None)];
    let mut results = Vec::new();
    for batches in [
        vec![[first.clone(), last.clone()].concat()],
        vec![first.to_vec(), last.to_vec()],
        vec![
            vec![first[0].clone()],
            vec![first[1].clone(), last[0].clone()],
            vec![last[1].clone()],
        ],
    ] {
        let db = Db::planned().await;
        // The second list says the same, so it adds no row.
        for hour in [0, 60] {
            for batch in &batches {
                db.store_vehicles(at(hour), batch).await;
            }
        }
        results.push(db.known_vehicles().await);
    }
    let device = |n| trip(n).device_id;
    let row = |id: Uuid, kind| format!("{id}|2020-01-01 10:00:00+00|{kind}");
    assert_eq!(
        results[0],
        [row(device(1), "moped"), row(device(2), "null")]
    );
    assert!(
        results.iter().all(|result| *result == results[0]),
        "{results:?}"
    );
}

#[tokio::test]
async fn a_wanted_device_keeps_the_number_under_which_it_is_requested() {
    let db = Db::planned().await;
    let claim = db.claim(0).await;
    let device = |n, sent_id: Option<&str>| WantedDevice {
        device_id: trip(n).device_id,
        sent_id: sent_id.map(ToOwned::to_owned),
    };
    let devices = [device(1, Some("104865")), device(2, None)];
    claim
        .add_wanted_devices(PROVIDER_ID, &devices, None)
        .await
        .unwrap();
    let unknown = claim.unknown_devices(PROVIDER_ID, &devices, at(0)).await;
    assert_eq!(unknown.unwrap(), devices);
    claim
        .add_wanted_devices(PROVIDER_ID, &devices[..1], Some(at(0)))
        .await
        .unwrap();
    let unknown = claim.unknown_devices(PROVIDER_ID, &devices, at(0)).await;
    assert_eq!(unknown.unwrap(), devices[1..]);
    let wanted = claim.wanted_devices(PROVIDER_ID, at(1), 5).await;
    assert_eq!(wanted.unwrap(), [devices[1].clone(), devices[0].clone()]);
}
