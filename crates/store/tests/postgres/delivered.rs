//! What a new response is compared with: the block's loaded trips, and the address of its provider.

use store::LoadedTrips;

use crate::fixture::{Db, trips};

#[tokio::test]
async fn loaded_trips_that_a_response_lacks_are_counted() {
    let db = Db::planned().await;
    let loaded = trips(0..6);
    db.load(0, &loaded).await;
    db.load(1, &trips(10..13)).await;
    let claim = db.claim(0).await;
    let ids: Vec<_> = loaded.iter().map(|trip| trip.trip_id).collect();
    let twice = [&ids[1..3], &ids[1..3], &[uuid::Uuid::from_u128(99)]].concat();
    for (delivered, missing) in [(&ids[..], 0), (&ids[2..], 2), (&[], 6), (&twice, 4)] {
        let trips = claim.compare_with_loaded(delivered).await.unwrap();
        assert_eq!(trips, LoadedTrips { loaded: 6, missing });
    }
    // A withdrawn trip does not count.
    let withdrawn = "UPDATE api.trips SET withdrawn_at = now() WHERE trip_id = $1";
    db.sql.execute(withdrawn, &[&ids[0]]).await.unwrap();
    let trips = claim.compare_with_loaded(&[]).await.unwrap();
    assert_eq!((trips.loaded, trips.missing), (5, 5));
    let nothing = db.claim(5).await.compare_with_loaded(&[]).await.unwrap();
    assert_eq!(nothing, LoadedTrips::default());
}

#[tokio::test]
async fn the_address_that_has_answered_last_is_known() {
    let db = Db::planned().await;
    let claim = db.claim(0).await;
    assert!(!claim.has_answered("a").await.unwrap());
    claim.note_answer("a").await.unwrap();
    let since = "SELECT answered_at FROM api.providers";
    let first = db.text(since).await;
    claim.note_answer("a").await.unwrap();
    assert_eq!(db.text(since).await, first);
    assert!(claim.has_answered("a").await.unwrap());
    claim.note_answer("b").await.unwrap();
    assert!(!claim.has_answered("a").await.unwrap());
    assert!(db.claim(1).await.has_answered("b").await.unwrap());
}
