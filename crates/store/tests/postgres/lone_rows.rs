//! Which published rows are alone with their tracts and times.

use store::LoneRows;
use trips::public_row::TimeRounding;
use trips::time::{CivilZone, Month};

use crate::fixture::Db;

const A_TRACT: Option<&str> = Some("48453001100");
const ANOTHER: Option<&str> = Some("48453002200");

impl Db {
    /// Adds a trip. Times are `2020-03-01T12:00:00Z`, or with a fraction.
    async fn add(&self, tracts: [Option<&str>; 2], start: &str, end: &str, is_withdrawn: bool) {
        let text = |value: Option<&str>| value.map_or("null".to_owned(), |it| format!("'{it}'"));
        let statement = format!(
            "INSERT INTO api.trips (id, provider_id, device_id, trip_id, trip_duration, trip_distance, start_time, end_time,
                 start_latitude, start_longitude, end_latitude, end_longitude, census_geoid_start, census_geoid_end,
                 withdrawn_at)
             VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 600, 1500, '{start}',
                 '{end}', 30, -97, 30, -97, {}, {}, {})",
            text(tracts[0]),
            text(tracts[1]),
            if is_withdrawn { "now()" } else { "null" },
        );
        self.sql.batch_execute(&statement).await.unwrap();
    }

    async fn lone(&self, month: &str, minutes: u32) -> LoneRows {
        let month: Month = month.parse().unwrap();
        let range = CivilZone::default().month(month).unwrap();
        let rounding = TimeRounding::minutes(minutes).unwrap();
        // None of these trips has a block, so none is published.
        self.store.lone_rows(range, rounding, true).await.unwrap()
    }
}

fn counts(rows: u64, as_published: u64, by_quarter_hours: u64) -> LoneRows {
    LoneRows {
        rows,
        as_published,
        by_quarter_hours,
        not_published: rows,
    }
}

#[tokio::test]
async fn a_row_is_alone_if_no_other_has_its_tracts_start_and_end() {
    let db = Db::migrated().await;
    let (start, end) = ("2020-03-10T12:00:00Z", "2020-03-10T12:20:00Z");
    db.add([A_TRACT, ANOTHER], start, end, false).await;
    assert_eq!(db.lone("2020-03", 0).await, counts(1, 1, 1));
    // The fraction of a second is not published.
    let end_and_more = "2020-03-10T12:20:00.75Z";
    db.add([A_TRACT, ANOTHER], start, end_and_more, false).await;
    assert_eq!(db.lone("2020-03", 0).await, counts(2, 0, 0));
    // The other way round, within the tract, and from no tract.
    db.add([ANOTHER, A_TRACT], start, end, false).await;
    db.add([A_TRACT, A_TRACT], start, end, false).await;
    db.add([None, A_TRACT], start, end, false).await;
    assert_eq!(db.lone("2020-03", 0).await, counts(5, 3, 3));
    // Points in no tract are published alike.
    db.add([None, A_TRACT], start, end, false).await;
    assert_eq!(db.lone("2020-03", 0).await, counts(6, 2, 2));
}

#[tokio::test]
async fn rounding_hides_a_row_among_those_of_the_same_quarters_of_an_hour() {
    let db = Db::migrated().await;
    let tracts = [A_TRACT, ANOTHER];
    for (start, end) in [
        ("2020-03-10T11:52:30Z", "2020-03-10T12:22:29Z"),
        ("2020-03-10T12:07:29Z", "2020-03-10T12:07:30Z"),
        // This end is a second too late for that quarter.
        ("2020-03-10T12:00:00Z", "2020-03-10T12:22:30Z"),
    ] {
        db.add(tracts, start, end, false).await;
    }
    assert_eq!(db.lone("2020-03", 0).await, counts(3, 3, 1));
    assert_eq!(db.lone("2020-03", 15).await, counts(3, 1, 1));
    assert_eq!(db.lone("2020-03", 5).await, counts(3, 3, 1));
    assert_eq!(db.lone("2020-03", 60).await, counts(3, 0, 1));
}

#[tokio::test]
async fn a_withdrawn_row_does_not_count_and_hides_none() {
    let db = Db::migrated().await;
    let (start, end) = ("2020-03-10T12:00:00Z", "2020-03-10T12:20:00Z");
    db.add([A_TRACT, ANOTHER], start, end, false).await;
    db.add([A_TRACT, ANOTHER], start, end, true).await;
    assert_eq!(db.lone("2020-03", 0).await, counts(1, 1, 1));
    assert_eq!(db.lone("2020-04", 0).await, counts(0, 0, 0));
}

#[tokio::test]
async fn a_row_counts_in_the_month_in_which_its_trip_ended_in_the_city() {
    let db = Db::migrated().await;
    let tracts = [A_TRACT, ANOTHER];
    // Midnight in the city is 05:00 UTC in summer. Both are rounded to midnight.
    db.add(
        tracts,
        "2020-04-01T04:46:00Z",
        "2020-04-01T04:58:00Z",
        false,
    )
    .await;
    db.add(
        tracts,
        "2020-04-01T04:44:00Z",
        "2020-04-01T05:02:00Z",
        false,
    )
    .await;
    assert_eq!(db.lone("2020-03", 0).await, counts(1, 1, 0));
    assert_eq!(db.lone("2020-04", 0).await, counts(1, 1, 0));
    let (first, last) = db.store.first_and_last_end().await.unwrap().unwrap();
    assert_eq!(first.to_rfc3339(), "2020-04-01T04:58:00+00:00");
    assert_eq!(last.to_rfc3339(), "2020-04-01T05:02:00+00:00");
}

#[tokio::test]
async fn without_trips_there_is_no_first_end() {
    let db = Db::migrated().await;
    assert_eq!(db.store.first_and_last_end().await.unwrap(), None);
    assert_eq!(db.lone("2020-03", 15).await, counts(0, 0, 0));
}

#[tokio::test]
async fn rows_that_the_portal_does_not_have_count_apart() {
    let db = Db::planned().await;
    let (start, end) = ("2020-03-10T12:00:00Z", "2020-03-10T12:20:00Z");
    db.add([A_TRACT, ANOTHER], start, end, false).await;
    let block = "UPDATE api.trips SET schedule_id = (SELECT min(schedule_id) FROM api.schedule)";
    let entered = "INSERT INTO api.publications
            (schedule_id, load_id, publish_key, publish_sha256, rows, loaded_at, since)
        SELECT min(schedule_id), gen_random_uuid(), 'key', 'hash', 1, now(), '-infinity' FROM api.schedule";
    db.sql.batch_execute(block).await.unwrap();
    // A twin of another block, which is never sent.
    db.add([A_TRACT, ANOTHER], start, end, false).await;

    let range = CivilZone::default().month("2020-03".parse().unwrap());
    let range = range.unwrap();
    let exact = TimeRounding::minutes(0).unwrap();
    for (change, rows) in [
        ("SELECT", 0),
        // Loaded before there was a ledger.
        ("UPDATE api.schedule SET published_at = now()", 1),
        (entered, 0),
        // What is sent again from a later time on is there until then.
        ("UPDATE api.publications SET since = now()", 1),
        ("UPDATE api.publications SET since = NULL", 1),
    ] {
        db.sql.batch_execute(change).await.unwrap();
        let lone = db.store.lone_rows(range, exact, false).await.unwrap();
        let expected = LoneRows {
            not_published: 2 - rows,
            ..counts(rows, rows, rows)
        };
        assert_eq!(lone, expected, "{change}");
        let all = db.store.lone_rows(range, exact, true).await.unwrap();
        assert_eq!((all.rows, all.as_published), (2, 0), "{change}");
    }
}
