//! The ledger of what the portal must receive.

use std::time::Duration;

use store::{Publication, PublishTurn, StoreError};
use trips::public_row::PublicTrip;
use trips::status::BlockStatus;
use uuid::Uuid;

use crate::fixture::{
    Db, RUN, at, deliver, file, open, public_id, request_at, trip, trips, upsert,
};

const OTHER_RUN: Uuid = Uuid::from_u128(0x0e41);

/// A page of trips, and where the next one begins.
async fn page(
    turn: &PublishTurn,
    publication: &Publication,
    after: Uuid,
    limit: usize,
) -> (Vec<PublicTrip>, Option<Uuid>) {
    let mut rows = turn.live(publication, after, limit).await.unwrap();
    let mut trips = Vec::new();
    while let Some(piece) = rows.next().await.unwrap() {
        trips.extend(piece);
    }
    (trips, rows.rest())
}

/// What an upload of the n-th block carries now: the numbers of trips to have and to lose.
async fn carried(db: &Db, turn: &PublishTurn, n: usize) -> (usize, usize) {
    let schedule_id = db.schedule_id(n).await;
    let waiting = turn.waiting(&[], 100).await.unwrap();
    let Some(publication) = waiting.iter().find(|it| it.schedule_id == schedule_id) else {
        return (0, 0);
    };
    let (live, next) = page(turn, publication, Uuid::nil(), 1000).await;
    let withdrawn = turn.withdrawn(publication, Uuid::nil(), 1000).await;
    assert_eq!(next, None);
    (live.len(), withdrawn.unwrap().len())
}

async fn ask(db: &Db, n: usize, run: Uuid, again: bool) -> bool {
    let schedule_id = db.schedule_id(n).await;
    db.store
        .request_publication(schedule_id, run, again)
        .await
        .unwrap()
}

async fn asked_and_carried(db: &Db, n: usize) -> (usize, usize) {
    ask(db, n, RUN, false).await;
    let turn = db.turn().await;
    let carried = carried(db, &turn, n).await;
    turn.release().await.unwrap();
    carried
}

async fn status(db: &Db, n: usize) -> BlockStatus {
    db.block(n).await.status
}

#[tokio::test]
async fn a_load_enters_what_it_changes_and_nothing_twice() {
    let db = Db::planned().await;
    db.load(0, &trips(0..3)).await;
    assert_eq!(asked_and_carried(&db, 0).await, (3, 0));
    db.publish(0).await;
    assert_eq!(status(&db, 0).await, BlockStatus::Published);
    assert!(!ask(&db, 0, RUN, false).await, "the portal has it all");

    let mut changed = trips(0..4);
    changed[1].trip_distance = 7;
    db.load(0, &changed).await;
    assert_eq!(status(&db, 0).await, BlockStatus::Loaded);
    assert_eq!(
        asked_and_carried(&db, 0).await,
        (2, 0),
        "one changed, one new"
    );
    db.load(0, &trips(1..4)).await;
    assert_eq!(
        asked_and_carried(&db, 0).await,
        (2, 1),
        "what nobody has sent stays entered, and one is withdrawn"
    );
    db.publish(0).await;
    assert_eq!(status(&db, 0).await, BlockStatus::Published);
}

#[tokio::test]
async fn what_nobody_asked_for_is_not_carried() {
    let db = Db::planned().await;
    db.load(0, &trips(0..3)).await;
    let turn = db.turn().await;
    assert!(turn.waiting(&[], 100).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_load_that_is_not_committed_enters_nothing() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    drop(upsert(&mut claim, &trips(0..3), 0).await.unwrap());
    claim.release().await.unwrap();
    assert!(!ask(&db, 0, RUN, true).await);
    let state = db.store.publication(db.schedule_id(0).await).await.unwrap();
    assert_eq!(state.entry, None);
}

#[tokio::test]
async fn a_force_enters_every_row_once_for_each_run() {
    let db = Db::planned().await;
    db.load(0, &trips(0..3)).await;
    db.publish(0).await;
    assert!(ask(&db, 0, OTHER_RUN, true).await);
    let turn = db.turn().await;
    assert_eq!(carried(&db, &turn, 0).await, (3, 0));
    let publication = turn.waiting(&[], 1).await.unwrap().remove(0);
    turn.record_progress(
        &publication,
        public_id(trip(1).trip_id),
        &serde_json::json!({"created": 2}),
    )
    .await
    .unwrap();
    turn.release().await.unwrap();
    assert!(ask(&db, 0, OTHER_RUN, true).await, "a repeated step");
    let turn = db.turn().await;
    let again = turn.waiting(&[], 1).await.unwrap().remove(0);
    assert_eq!(again.last_sent, Some(public_id(trip(1).trip_id)), "goes on");
    turn.release().await.unwrap();
    db.publish(0).await;
    assert!(!ask(&db, 0, OTHER_RUN, true).await, "this run has done it");
    assert!(ask(&db, 0, RUN, true).await);
}

/// The rows before would keep the former form, or be missing from the new dataset.
#[tokio::test]
async fn an_interrupted_upload_goes_on_in_its_own_form_only() {
    let db = Db::planned().await;
    db.load(0, &trips(0..3)).await;
    assert!(ask(&db, 0, RUN, false).await);
    let turn = db.turn().await;
    let first = turn.waiting(&[], 1).await.unwrap().remove(0).in_form("a");
    let last = public_id(trip(1).trip_id);
    turn.record_progress(&first, last, &serde_json::json!({"created": 2}))
        .await
        .unwrap();

    let again = turn.waiting(&[], 1).await.unwrap().remove(0);
    let same = again.clone().in_form("a");
    assert_eq!(same.last_sent, Some(last));
    assert_eq!(same.counts, Some(serde_json::json!({"created": 2})));
    let other = again.in_form("b");
    assert_eq!((other.last_sent, &other.counts), (None, &None));
    assert_eq!(other.since, same.since);
    // Rows in form b may be there from here on, whatever becomes of this upload.
    turn.begin_anew(&other).await.unwrap();
    let back = turn.waiting(&[], 1).await.unwrap().remove(0).in_form("a");
    assert_eq!((back.last_sent, &back.counts), (None, &None));

    turn.record_progress(&other, last, &serde_json::json!({"updated": 2}))
        .await
        .unwrap();
    let third = turn.waiting(&[], 1).await.unwrap().remove(0);
    assert_eq!(third.clone().in_form("b").last_sent, Some(last));
    assert_eq!(third.in_form("a").last_sent, None);
}

#[tokio::test]
async fn what_is_entered_during_an_upload_stays_entered() {
    let db = Db::planned().await;
    for run_again in [false, true] {
        let mut changed = trips(0..3);
        changed[0].trip_distance = i64::from(run_again);
        db.load(0, &changed).await;
        ask(&db, 0, RUN, false).await;
        let turn = db.turn().await;
        let read = turn.waiting(&[], 1).await.unwrap().remove(0);
        if run_again {
            assert!(ask(&db, 0, OTHER_RUN, true).await);
        } else {
            changed[1].trip_distance = 7;
            db.load(0, &changed).await;
        }
        let sent = store::Sent {
            publication: read,
            counts: serde_json::Value::Null,
        };
        turn.record_sent(&[sent]).await.unwrap();
        assert_eq!(carried(&db, &turn, 0).await, (3, 0));
        turn.release().await.unwrap();
        db.publish(0).await;
    }
}

#[tokio::test]
async fn a_trip_that_moves_as_it_is_before_it_was_sent_is_sent_by_its_new_owner() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..2)).await;
    db.deliver(1, 30, &trips(1..3)).await;
    assert_eq!(asked_and_carried(&db, 0).await, (1, 0));
    assert_eq!(asked_and_carried(&db, 1).await, (2, 0));
}

#[tokio::test]
async fn a_block_that_lost_all_its_trips_is_published_before_it_has_none() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..2)).await;
    db.publish(0).await;
    db.deliver(0, 60, &[]).await;
    assert_eq!(status(&db, 0).await, BlockStatus::Loaded);
    let mut claim = db.claim(0).await;
    let again = request_at(at(24 * 60 + 60), 0, 0);
    deliver(&mut claim, &[], &[], again).await.unwrap();
    claim.release().await.unwrap();
    assert_eq!(status(&db, 0).await, BlockStatus::Loaded, "still not sent");
    assert_eq!(asked_and_carried(&db, 0).await, (0, 2));
    db.publish(0).await;
    assert_eq!(status(&db, 0).await, BlockStatus::NoTrips);
}

#[tokio::test]
async fn a_trip_that_another_block_shows_to_be_there_is_sent_by_its_owner() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..2)).await;
    db.publish(0).await;
    db.deliver(0, 60, &trips(0..1)).await;
    db.publish(0).await;
    db.deliver(1, 90, &trips(1..2)).await;
    let turn = db.turn().await;
    let carried = [carried(&db, &turn, 0).await, carried(&db, &turn, 1).await];
    turn.release().await.unwrap();
    let by_second = asked_and_carried(&db, 1).await;
    assert!(
        carried[0] == (1, 0) || by_second == (1, 0),
        "{carried:?} {by_second:?}"
    );
}

#[tokio::test]
async fn a_trip_that_another_block_changes_during_an_upload_is_sent_again() {
    let db = Db::planned().await;
    let mut own = trips(0..2);
    own[1].publication_time = Some(at(20));
    db.deliver(0, 0, &own).await;
    db.publish(0).await;
    db.deliver(0, 60, &own[..1]).await;
    ask(&db, 0, RUN, false).await;
    let turn = db.turn().await;
    let publication = turn.waiting(&[], 1).await.unwrap().remove(0);
    // An older delivery shows that the trip, which this upload deletes, is still there.
    let mut older = own[1].clone();
    older.publication_time = Some(at(10));
    db.deliver(1, 90, &[older]).await;
    let sent = store::Sent {
        publication,
        counts: serde_json::Value::Null,
    };
    turn.record_sent(&[sent]).await.unwrap();
    assert_eq!(carried(&db, &turn, 0).await, (1, 0));
}

#[tokio::test]
async fn an_archive_that_came_during_an_upload_keeps_its_status() {
    let db = Db::planned().await;
    db.load(0, &trips(0..3)).await;
    ask(&db, 0, RUN, false).await;
    db.sql
        .batch_execute("UPDATE api.schedule SET status_id = 2 WHERE records_total IS NOT NULL")
        .await
        .unwrap();
    db.publish_all().await;
    assert_eq!(status(&db, 0).await, BlockStatus::Archived);
    assert!(!ask(&db, 0, RUN, false).await);
}

async fn lock(turn: &PublishTurn, publication: &Publication) -> bool {
    let locked = turn.lock_blocks(std::slice::from_ref(publication)).await;
    !locked.unwrap().is_empty()
}

#[tokio::test]
async fn a_block_that_is_being_loaded_is_left_out() {
    let db = Db::planned().await;
    db.load(0, &trips(0..3)).await;
    ask(&db, 0, RUN, false).await;
    let claim = db.claim(0).await;
    let turn = db.turn().await;
    let publication = turn.waiting(&[], 1).await.unwrap().remove(0);
    assert!(!lock(&turn, &publication).await);
    claim.release().await.unwrap();
    assert!(lock(&turn, &publication).await);
    let busy = db.store.claim(publication.schedule_id).await;
    assert!(matches!(busy, Err(StoreError::Busy { .. })));
    turn.unlock_blocks(std::slice::from_ref(&publication))
        .await
        .unwrap();
    db.load(0, &trips(0..4)).await;
    assert!(
        !lock(&turn, &publication).await,
        "its entry is another one now"
    );
    let claim = db.claim(0).await;
    claim.release().await.unwrap();
}

#[tokio::test]
async fn a_refused_block_is_not_carried_again_until_somebody_asks() {
    let db = Db::planned().await;
    db.load(0, &trips(0..3)).await;
    ask(&db, 0, RUN, false).await;
    let turn = db.turn().await;
    let publication = turn.waiting(&[], 1).await.unwrap().remove(0);
    turn.record_refused(
        &publication,
        BlockStatus::PublishFailed,
        "SocrataRejected",
        "the portal refused 3 rows",
    )
    .await
    .unwrap();
    assert!(turn.waiting(&[], 1).await.unwrap().is_empty());
    let row = db.block(0).await;
    assert_eq!(row.status, BlockStatus::PublishFailed);
    assert_eq!(
        row.message.as_deref(),
        Some("SocrataRejected: the portal refused 3 rows")
    );
    let state = db.store.publication(row.schedule_id).await.unwrap();
    let entry = state.entry.unwrap();
    assert!(entry.is_pending);
    assert_eq!(entry.refusal.unwrap().0, "SocrataRejected");
    assert!(ask(&db, 0, RUN, false).await);
    assert_eq!(turn.waiting(&[], 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn blocks_of_before_the_ledger_are_entered_whole() {
    let db = Db::planned().await;
    db.load(0, &trips(0..3)).await;
    db.sql
        .batch_execute("DELETE FROM api.publications")
        .await
        .unwrap();
    assert!(!ask(&db, 0, RUN, true).await);
    let mut claim = db.claim(0).await;
    claim
        .enter_publication()
        .await
        .unwrap()
        .commit(&file())
        .await
        .unwrap();
    claim.release().await.unwrap();
    assert_eq!(asked_and_carried(&db, 0).await, (3, 0));
}

#[tokio::test]
async fn a_lost_session_can_record_nothing() {
    let db = Db::planned().await;
    db.load(0, &trips(0..3)).await;
    ask(&db, 0, RUN, false).await;
    let single = open(&db.url, 2);
    let turn = single
        .take_publish_turn(
            "abcd-1234",
            std::time::Duration::from_secs(5),
            std::time::Duration::from_secs(60),
        )
        .await
        .unwrap()
        .unwrap();
    let publication = turn.waiting(&[], 1).await.unwrap().remove(0);
    db.sql
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .await
        .unwrap();
    let sent = store::Sent {
        publication,
        counts: serde_json::Value::Null,
    };
    assert!(turn.record_sent(&[sent]).await.is_err());
    assert_eq!(status(&db, 0).await, BlockStatus::Loaded);
    assert!(db.turn().await.release().await.is_ok());
}

#[tokio::test]
async fn a_trip_whose_device_has_no_public_id_gets_one_and_is_carried() {
    let db = Db::planned().await;
    db.load(0, &trips(0..3)).await;
    db.publish(0).await;
    // As in tables that another program has written.
    let one = format!("device_id = '{}'", trip(1).device_id);
    db.sql
        .execute(&format!("DELETE FROM api.devices WHERE {one}"), &[])
        .await
        .unwrap();
    ask(&db, 0, OTHER_RUN, true).await;
    let turn = db.turn().await;
    assert_eq!(carried(&db, &turn, 0).await, (3, 0));
    let ids = [public_id(trip(0).trip_id), public_id(trip(1).trip_id)];
    let schedule_id = db.schedule_id(0).await;
    let again = turn.trips_of_block(schedule_id, &ids).await.unwrap();
    assert_eq!(again.len(), 2);
    turn.release().await.unwrap();
    let known = format!("SELECT count(*) FROM api.devices WHERE {one}");
    assert_eq!(db.text(&known).await, "1");
}

#[tokio::test]
async fn pages_have_every_trip_once_in_the_order_of_the_public_ids() {
    let db = Db::planned().await;
    db.load(0, &trips(0..90)).await;
    // Public ids lie evenly, except that some are close together.
    let spread = "UPDATE api.trips SET id = CASE WHEN trip_distance % 3 = 0 THEN gen_random_uuid()
                      ELSE ('0000' || substr(gen_random_uuid()::text, 5))::uuid END";
    db.sql
        .batch_execute(
            "UPDATE api.trips SET trip_distance = trip_duration + ascii(right(trip_id::text, 1))",
        )
        .await
        .unwrap();
    db.sql.batch_execute(spread).await.unwrap();
    let all = db.rows("SELECT id::text FROM api.trips ORDER BY id").await;
    ask(&db, 0, OTHER_RUN, true).await;
    let turn = db.turn().await;
    for rows in [0, 2, 90, 1000] {
        let count = format!("UPDATE api.publications SET rows = {rows}");
        db.sql.batch_execute(&count).await.unwrap();
        let waiting = turn.waiting(&[], 100).await.unwrap();
        let (mut read, mut after) = (Vec::new(), Some(Uuid::nil()));
        while let Some(from) = after {
            let (trips, next) = page(&turn, &waiting[0], from, 7).await;
            assert!(trips.len() <= 7);
            read.extend(trips.iter().map(|trip| trip.trip_id.to_string()));
            after = next;
        }
        assert_eq!(read, all, "{rows} rows in the object");
    }
    turn.release().await.unwrap();
}

#[tokio::test]
async fn no_statement_waits_behind_rows_that_nobody_has_taken_yet() {
    let db = Db::planned().await;
    db.load(0, &trips(0..2000)).await;
    ask(&db, 0, OTHER_RUN, true).await;
    let turn = db.turn().await;
    let waiting = turn.waiting(&[], 100).await.unwrap();
    let mut rows = turn.live(&waiting[0], Uuid::nil(), 5000).await.unwrap();
    let withdrawn = turn.withdrawn(&waiting[0], Uuid::nil(), 5000);
    let withdrawn = tokio::time::timeout(Duration::from_secs(30), withdrawn).await;
    assert_eq!(withdrawn.expect("it waits for the rows").unwrap().len(), 0);
    let mut read = 0;
    while let Some(piece) = rows.next().await.unwrap() {
        read += piece.len();
    }
    assert_eq!(read, 2000);
    turn.release().await.unwrap();
}
