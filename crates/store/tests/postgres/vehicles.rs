//! Vehicles that become known after their trips were loaded.

use trips::status::BlockStatus;
use trips::vehicle::Vehicle;

use crate::fixture::{Db, PROVIDER_ID, RUN, at, load, trip};

#[tokio::test]
async fn a_loaded_block_is_reopened_once_its_vehicles_are_known() {
    let db = Db::planned().await;
    let mut without_vehicle = trip(1);
    without_vehicle.vehicle_type = None;
    let mut claim = db.claim(0).await;
    load(&mut claim, &[without_vehicle], 0).await.unwrap();
    db.sql
        .batch_execute("UPDATE api.schedule SET payload = 'trips.json' WHERE run_id IS NOT NULL")
        .await
        .unwrap();
    assert_eq!(claim.reopen_for_vehicles(PROVIDER_ID).await.unwrap(), 0);

    let vehicle = Vehicle {
        device_id: trip(1).device_id,
        vehicle_id: None,
        vehicle_type: Some("scooter".to_owned()),
        propulsion_type: None,
        record: "{}".to_owned(),
    };
    let stored = claim
        .store_vehicles(PROVIDER_ID, at(60), &[vehicle])
        .await
        .unwrap();
    assert_eq!(stored, 1);
    for before in BlockStatus::ALL {
        claim.mark_failed(before, RUN, "", "").await.unwrap();
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
