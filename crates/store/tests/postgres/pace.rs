//! The pace of the requests to a provider, over several processes.

use std::time::Duration;

use store::{Busy, StoreError, Turn};
use tokio::time::{Instant, sleep};

use crate::fixture::{Db, bird, open};

const ADDRESS: &str = "a";

const PATIENCE: Duration = Duration::from_secs(120);

/// What the n-th of these turns waits for, in whole seconds.
fn waits(turns: impl IntoIterator<Item = Turn>) -> Vec<f64> {
    let mut waits: Vec<f64> = turns
        .into_iter()
        .map(|turn| match turn {
            Turn::In(wait) => wait.as_secs_f64().round(),
            other => panic!("{other:?}"),
        })
        .collect();
    waits.sort_by(f64::total_cmp);
    waits
}

#[tokio::test]
async fn turns_are_a_delay_apart_whichever_process_reserves_them() {
    let db = Db::planned().await;
    let delay = Duration::from_secs(5);
    let bird = bird();
    let stores = [db.store.clone(), open(&db.url, 4), open(&db.url, 4)];
    let reserving =
        (0..12).map(|n| stores[n % 3].reserve_turn(&bird, ADDRESS, delay, PATIENCE, None));
    let turns = futures::future::join_all(reserving).await;
    let expected: Vec<f64> = (0..12).map(|n| f64::from(n * 5)).collect();
    assert_eq!(waits(turns.into_iter().map(Result::unwrap)), expected);
}

#[tokio::test]
async fn a_turn_that_comes_too_late_is_not_reserved() {
    let db = Db::planned().await;
    let delay = Duration::from_secs(50);
    let short = Some(Duration::from_secs(10));
    let reserve = async |left| {
        let turn = db
            .store
            .reserve_turn(&bird(), ADDRESS, delay, PATIENCE, left)
            .await;
        turn.unwrap()
    };
    assert_eq!(waits([reserve(short).await]), [0.0]);
    assert_eq!(reserve(short).await, Turn::TooLate);
    assert_eq!(reserve(short).await, Turn::TooLate);
    assert_eq!(waits([reserve(None).await]), [50.0]);
}

#[tokio::test]
async fn a_wait_that_the_provider_asked_for_holds_for_every_process() {
    let db = Db::planned().await;
    let other = open(&db.url, 2);
    assert_eq!(other.held_off(&bird(), ADDRESS).await.unwrap(), None);
    db.store
        .hold_off(&bird(), ADDRESS, Duration::from_secs(3600))
        .await
        .unwrap();
    // A shorter one does not end it.
    db.store
        .hold_off(&bird(), ADDRESS, Duration::from_secs(1))
        .await
        .unwrap();
    let held_off = other.held_off(&bird(), ADDRESS).await.unwrap().unwrap();
    assert!((3590.0..=3600.0).contains(&held_off.wait.as_secs_f64()));
    let turn = other
        .reserve_turn(&bird(), ADDRESS, Duration::ZERO, PATIENCE, None)
        .await
        .unwrap();
    let Turn::HeldOff(refused) = turn else {
        panic!("{turn:?}");
    };
    assert_eq!(refused.until, held_off.until);
}

#[tokio::test]
async fn a_short_wait_moves_the_turn() {
    let db = Db::planned().await;
    let wait = Duration::from_secs(20);
    db.store.hold_off(&bird(), ADDRESS, wait).await.unwrap();
    let reserve = async || {
        let delay = Duration::from_secs(5);
        let turn = db
            .store
            .reserve_turn(&bird(), ADDRESS, delay, PATIENCE, None)
            .await;
        turn.unwrap()
    };
    assert_eq!(waits([reserve().await, reserve().await]), [20.0, 25.0]);
}

#[tokio::test]
async fn a_wait_that_is_over_is_none() {
    let db = Db::planned().await;
    db.store
        .hold_off(&bird(), ADDRESS, Duration::from_millis(100))
        .await
        .unwrap();
    sleep(Duration::from_millis(150)).await;
    assert_eq!(db.store.held_off(&bird(), ADDRESS).await.unwrap(), None);
}

#[tokio::test]
async fn a_wait_that_another_address_asked_for_is_void() {
    let db = Db::planned().await;
    let hour = Duration::from_secs(3600);
    db.store.hold_off(&bird(), ADDRESS, hour).await.unwrap();
    let at_another = async || {
        let bird = bird();
        let turn = db
            .store
            .reserve_turn(&bird, "b", Duration::ZERO, PATIENCE, None);
        turn.await.unwrap()
    };
    assert_eq!(db.store.held_off(&bird(), "b").await.unwrap(), None);
    assert_eq!(waits([at_another().await]), [0.0]);

    // The other's own wait takes its place, though it is shorter.
    let short = Duration::from_secs(20);
    db.store.hold_off(&bird(), "b", short).await.unwrap();
    assert_eq!(waits([at_another().await]), [20.0]);

    // A version before this one notes no address.
    let unknown = "UPDATE api.providers SET held_off_address = NULL";
    db.sql.batch_execute(unknown).await.unwrap();
    for address in [ADDRESS, "b"] {
        let held_off = db.store.held_off(&bird(), address).await.unwrap();
        assert!(held_off.is_some(), "{address}");
    }
}

#[tokio::test]
async fn a_provider_that_no_plan_has_seen_has_no_pace() {
    let db = Db::migrated().await;
    let error = db.store.held_off(&bird(), ADDRESS).await.unwrap_err();
    assert!(matches!(error, StoreError::UnknownProvider { .. }));
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(600))
}

#[tokio::test]
async fn slots_are_limited_over_all_processes() {
    let db = Db::planned().await;
    let (one, two) = (db.store.request_slots(), open(&db.url, 2).request_slots());
    let first = one.take(&bird(), 2, soon()).await.unwrap();
    let _second = two.take(&bird(), 2, soon()).await.unwrap();
    for slots in [&one, &two] {
        let error = slots.take(&bird(), 2, soon()).await.err().unwrap();
        assert!(
            matches!(
                error,
                StoreError::Busy {
                    what: Busy::Requests { .. }
                }
            ),
            "{error}"
        );
    }
    let lime = "lime".parse().unwrap();
    one.take(&lime, 2, soon()).await.unwrap().free().await;
    first.free().await;
    two.take(&bird(), 2, soon()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_slot_is_free_a_moment_later_and_so_are_those_of_a_process_that_ended() {
    let db = Db::planned().await;
    let ended = open(&db.url, 2).request_slots();
    let slots = db.store.request_slots();
    std::mem::forget(ended.take(&bird(), 1, soon()).await.unwrap());
    assert!(slots.take(&bird(), 1, soon()).await.is_err());
    // What a kill does: the server ends the session that holds the lock.
    db.text(
        "SELECT pg_terminate_backend(pid) FROM pg_locks
         WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .await;
    let slot = slots.take(&bird(), 1, soon()).await.unwrap();
    drop(slot);
    slots.take(&bird(), 1, soon()).await.unwrap().free().await;
    // The process whose session was ended opens another one.
    let lime = "lime".parse().unwrap();
    ended.take(&lime, 1, soon()).await.unwrap();
}

/// Every connection of the pool that a claim may have is taken.
#[tokio::test]
async fn slots_wait_neither_for_claims_nor_for_the_pool() {
    let db = Db::planned().await;
    let small = open(&db.url, 2);
    let claim = small.claim(db.schedule_id(0).await).await.unwrap();
    let slots = small.request_slots();
    let slot = slots.take(&bird(), 1, soon()).await.unwrap();
    assert_eq!(small.held_off(&bird(), ADDRESS).await.unwrap(), None);
    slot.free().await;
    claim.release().await.unwrap();
}

#[tokio::test]
async fn those_that_wait_in_one_process_get_the_slot_at_once() {
    let db = Db::planned().await;
    let slots = db.store.request_slots();
    let began = Instant::now();
    let bird = bird();
    let requests = (0..20).map(|_| async {
        let slot = slots.take(&bird, 2, None).await.unwrap();
        sleep(Duration::from_millis(20)).await;
        slot.free().await;
    });
    futures::future::join_all(requests).await;
    assert!(
        began.elapsed() < Duration::from_millis(1500),
        "{:?}",
        began.elapsed()
    );
}
