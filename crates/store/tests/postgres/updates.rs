//! Updates of a claimed block's row.

use chrono::Utc;
use store::ArchiveRecord;
use trips::Changes;
use trips::status::BlockStatus;

use crate::fixture::{Db, RUN, at, load, trip, trips};

fn archive(fetched: u64) -> ArchiveRecord {
    ArchiveRecord {
        run_id: RUN,
        payload_key: "staging/bird/2020/1/1/0/trips.json".to_owned(),
        fetched,
        message: format!("HTTP 200 with {fetched} trips\0"),
        changes: None,
        late_before: 0,
        requested_at: None,
        is_adopted: false,
        nothing_to_load: fetched == 0,
        side_data_since: None,
        note: None,
    }
}

#[tokio::test]
async fn an_archive_is_recorded() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    claim.mark_archived(&archive(3)).await.unwrap();
    let row = claim.row();
    assert_eq!(row.status, BlockStatus::Archived);
    assert_eq!(row.fetched(), 3);
    assert_eq!(row.records_total, None);
    assert_eq!(row.run_id, Some(RUN));
    assert_eq!(
        row.payload.as_deref(),
        Some("staging/bird/2020/1/1/0/trips.json")
    );
}

#[tokio::test]
async fn changes_since_the_previous_archive_are_recorded() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    let changes =
        "SELECT trips_new, trips_changed, trips_gone FROM api.schedule WHERE payload IS NOT NULL";
    claim.mark_archived(&archive(3)).await.unwrap();
    assert_eq!(db.text(changes).await, "null|null|null");
    let mut second = archive(4);
    second.changes = Some(Changes {
        new: 3,
        changed: 2,
        gone: 1,
    });
    claim.mark_archived(&second).await.unwrap();
    assert_eq!(db.text(changes).await, "3|2|1");
    claim
        .mark_unchanged(RUN, "HTTP 200", None, Utc::now(), true)
        .await
        .unwrap();
    assert_eq!(db.text(changes).await, "0|0|0");
}

/// Trips of the first answer, of the second one, and so on: how many came late by then.
#[tokio::test]
async fn late_trips_are_added_up_over_all_responses() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    let late = "SELECT trips_late FROM api.schedule WHERE payload IS NOT NULL";
    let of_view = "SELECT trips_late FROM api.hours WHERE trips_fetched IS NULL AND status_id = 2";
    let response = |new: Option<u64>| ArchiveRecord {
        changes: new.map(|new| Changes {
            new,
            changed: 1,
            gone: 0,
        }),
        requested_at: Some(Utc::now()),
        ..archive(5)
    };
    claim.mark_archived(&response(None)).await.unwrap();
    assert_eq!(db.text(late).await, "null");
    claim.mark_archived(&response(Some(3))).await.unwrap();
    assert_eq!(db.text(late).await, "3");
    for _ in 0..2 {
        let now = Utc::now();
        let unchanged = claim.mark_unchanged(RUN, "HTTP 200", None, now, true);
        unchanged.await.unwrap();
        assert_eq!(db.text(late).await, "3", "the same answer");
    }
    let second = response(Some(2));
    claim.mark_archived(&second).await.unwrap();
    assert_eq!(db.text(late).await, "5");
    // The archive of that response was missed, and is found again.
    let found_again = ArchiveRecord {
        is_adopted: true,
        ..second
    };
    claim.mark_archived(&found_again).await.unwrap();
    assert_eq!(db.text(late).await, "5", "the archive that is known");
    claim.mark_archived(&response(None)).await.unwrap();
    assert_eq!(db.text(late).await, "5", "the one before cannot be read");
    // An extract was killed after it stored the archive, and a load records it.
    let unrecorded = ArchiveRecord {
        is_adopted: true,
        ..response(Some(4))
    };
    claim.mark_archived(&unrecorded).await.unwrap();
    assert_eq!(db.text(late).await, "9");
    assert_eq!(db.text(of_view).await, "9");
}

#[tokio::test]
async fn a_second_response_that_is_the_same_has_no_late_trips() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    claim.mark_archived(&archive(3)).await.unwrap();
    let unchanged = claim.mark_unchanged(RUN, "HTTP 200", None, Utc::now(), true);
    unchanged.await.unwrap();
    let late = "SELECT trips_late FROM api.schedule WHERE payload IS NOT NULL";
    assert_eq!(db.text(late).await, "0");
}

#[tokio::test]
async fn an_archive_without_trips_completes_the_block() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    claim.mark_archived(&archive(0)).await.unwrap();
    let row = claim.row();
    assert_eq!(row.status, BlockStatus::NoTrips);
    assert_eq!(row.fetched(), 0);
    assert_eq!(row.records_total, Some(0));
}

#[tokio::test]
async fn a_new_archive_clears_the_counts_of_the_previous_load() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    load(&mut claim, &[trip(1)], 2).await.unwrap();
    assert!(claim.row().rerun_flag);
    claim.mark_archived(&archive(5)).await.unwrap();
    let row = claim.row();
    assert_eq!(row.records_total, None);
    assert_eq!(row.records_processed, None);
    assert_eq!(row.records_error_count, None);
    assert!(!row.rerun_flag);
}

#[tokio::test]
async fn an_unchanged_response_keeps_the_status_of_a_loaded_block() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    for before in BlockStatus::ALL {
        claim.mark_failed(before, RUN, "", "").await.unwrap();
        claim
            .mark_unchanged(RUN, "HTTP 200", None, Utc::now(), true)
            .await
            .unwrap();
        let after = match before {
            BlockStatus::New
            | BlockStatus::NotPublished
            | BlockStatus::ExtractFailed
            | BlockStatus::AllRejected
            // The response has trips, of which the database does not know.
            | BlockStatus::NoTrips => BlockStatus::Archived,
            other => other,
        };
        assert_eq!(claim.row().status, after, "after {before}");
    }
}

#[tokio::test]
async fn a_failure_keeps_archive_and_counts() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    claim.mark_archived(&archive(4)).await.unwrap();
    load(&mut claim, &trips(0..4), 0).await.unwrap();
    claim
        .mark_failed(
            BlockStatus::PublishFailed,
            RUN,
            "SocrataUnavailable",
            &"x".repeat(10_000),
        )
        .await
        .unwrap();
    let row = claim.row();
    assert_eq!(row.status, BlockStatus::PublishFailed);
    assert_eq!(row.fetched(), 4);
    assert_eq!(row.records_processed, Some(4));
    assert!(row.payload.is_some());
    assert_eq!(row.message.as_ref().map(String::len), Some(2000));
}

#[tokio::test]
async fn only_a_failed_upload_clears_the_time_of_publication() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    for status in BlockStatus::ALL {
        db.sql
            .batch_execute("UPDATE api.schedule SET published_at = now()")
            .await
            .unwrap();
        claim.mark_failed(status, RUN, "X", "x").await.unwrap();
        let is_cleared = claim.row().published_at.is_none();
        assert_eq!(is_cleared, status == BlockStatus::PublishFailed, "{status}");
    }
}

#[tokio::test]
async fn the_time_of_an_archive_is_that_of_its_request() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    let at = "2020-01-03T05:00:12Z".parse().unwrap();
    let archived = ArchiveRecord {
        requested_at: Some(at),
        ..archive(3)
    };
    claim.mark_archived(&archived).await.unwrap();
    assert_eq!(claim.row().archived_at, Some(at));
    assert!(claim.row().extracted_at > Some(at));
    // The archive stays.
    claim
        .mark_failed(BlockStatus::Published, RUN, "", "")
        .await
        .unwrap();
    claim
        .mark_unchanged(RUN, "HTTP 200", None, Utc::now(), true)
        .await
        .unwrap();
    assert_eq!(claim.row().archived_at, Some(at));

    let adopted = ArchiveRecord {
        is_adopted: true,
        ..archived
    };
    claim.mark_archived(&adopted).await.unwrap();
    assert_eq!(claim.row().archived_at, Some(at));
    assert_eq!(claim.row().extracted_at, Some(at));
}

#[tokio::test]
async fn an_archive_without_trips_is_loaded_if_loaded_trips_have_to_go() {
    let db = Db::planned().await;
    let mut claim = db.claim(0).await;
    let empty = ArchiveRecord {
        nothing_to_load: false,
        ..archive(0)
    };
    claim.mark_archived(&empty).await.unwrap();
    let row = claim.row();
    assert_eq!(row.status, BlockStatus::Archived);
    assert_eq!((row.fetched(), row.records_total), (0, None));
}

/// Block 0 has delivered trips 1 and 2 after 10 minutes, and block 2 is about to be loaded.
async fn beside_a_block_to_load() -> Db {
    let db = Db::planned().await;
    db.deliver(0, 10, &trips(1..3)).await;
    let archived_at = "UPDATE api.schedule SET archived_at = loaded_deliveries[1] WHERE loaded_deliveries IS NOT NULL";
    db.sql.batch_execute(archived_at).await.unwrap();
    let mut other = db.claim(2).await;
    other.mark_archived(&archive(3)).await.unwrap();
    other.release().await.unwrap();
    db
}

/// The minutes after which the trips of block 0 were delivered, by its rows, and by the block.
const DELIVERED: &str = "
    SELECT DISTINCT extract(minute FROM t.delivered_at)::int, extract(minute FROM s.archived_at)::int, s.status_id
    FROM api.trips t JOIN api.schedule s USING (schedule_id) WHERE s.schedule_id = (SELECT min(schedule_id) FROM api.schedule)";

#[tokio::test]
async fn an_unchanged_response_makes_the_rows_of_a_whole_block_newer() {
    let db = beside_a_block_to_load().await;
    let mut claim = db.claim(0).await;
    let requested_at = at(24 * 60 + 30);
    claim
        .mark_unchanged(RUN, "HTTP 200", None, requested_at, true)
        .await
        .unwrap();
    let status = BlockStatus::Loaded.code();
    assert_eq!(db.text(DELIVERED).await, format!("30|30|{status}"));
}

#[tokio::test]
async fn an_unchanged_response_of_a_block_that_is_loaded_again_leaves_its_rows_to_that_load() {
    let db = beside_a_block_to_load().await;
    db.deliver(1, 20, &[trip(1)]).await;
    let mut claim = db.claim(0).await;
    let requested_at = at(24 * 60 + 30);
    claim
        .mark_unchanged(RUN, "HTTP 200", None, requested_at, true)
        .await
        .unwrap();
    let status = BlockStatus::Archived.code();
    assert_eq!(db.text(DELIVERED).await, format!("10|30|{status}"));
}
