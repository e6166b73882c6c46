//! The views for other tools, and the comments that explain every table and column.

use chrono::{TimeDelta, Utc};
use store::ProviderFacts;
use trips::block::{Hour, HourRange};
use trips::hour_state::HourState;
use trips::status::BlockStatus;
use trips::time::CivilZone;
use trips::trip::Flag;
use uuid::Uuid;

use crate::fixture::{Db, PROVIDER_ID, bird, hour, hours, trip, trips};

fn facts(name: &str, active_from: Option<Hour>) -> ProviderFacts {
    ProviderFacts {
        name: name.parse().unwrap(),
        active_from,
        lag_hours: 30,
        enabled: true,
    }
}

async fn configure(db: &Db, facts: &[ProviderFacts]) {
    let zone = CivilZone::default();
    db.store
        .write_configuration(&zone, facts, &[])
        .await
        .unwrap();
}

#[tokio::test]
async fn every_table_view_and_column_has_a_comment() {
    let db = Db::migrated().await;
    let without = db
        .rows(
            "SELECT c.relname, a.attname
             FROM pg_class c
             LEFT JOIN LATERAL (
                 SELECT attnum, attname FROM pg_attribute
                 WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                 UNION ALL SELECT 0, NULL
             ) AS a ON true
             WHERE c.relnamespace = 'api'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
               AND coalesce(btrim(col_description(c.oid, a.attnum)), '') = ''
               AND (a.attnum > 0 OR obj_description(c.oid, 'pg_class') IS NULL)
             ORDER BY 1, 2",
        )
        .await;
    assert!(without.is_empty(), "without a comment: {without:#?}");
}

#[tokio::test]
async fn the_states_of_the_statuses_are_those_of_the_program() {
    let db = Db::migrated().await;
    let mut expected: Vec<_> = BlockStatus::ALL
        .iter()
        .map(|&status| format!("{}|{}", status.code(), HourState::from(status).as_str()))
        .collect();
    expected.sort();
    let mut found = db
        .rows("SELECT status_id, state FROM api.schedule_status")
        .await;
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_configuration_is_written_only_where_it_differs() {
    let db = Db::planned().await;
    let rows =
        "SELECT xmin, 'city' FROM api.city UNION ALL SELECT xmin, provider_name FROM api.providers";
    configure(&db, &[facts("bird", None), facts("lime", None)]).await;
    assert_eq!(
        db.text("SELECT provider_name FROM api.providers").await,
        "bird",
        "a provider that was never planned gets no row"
    );
    let before = db.rows(rows).await;
    configure(&db, &[facts("bird", None)]).await;
    db.store
        .write_time_zone(&CivilZone::default())
        .await
        .unwrap();
    assert_eq!(db.rows(rows).await, before);

    let start = hour("2020-01-01-05");
    configure(&db, &[facts("bird", Some(start))]).await;
    let found = "SELECT active_from = '2020-01-01 11:00Z', lag_hours, enabled FROM api.providers";
    assert_eq!(db.text(found).await, "t|30|t");
    configure(&db, &[]).await;
    assert_eq!(db.text("SELECT enabled FROM api.providers").await, "f");
}

#[tokio::test]
async fn hours_without_a_row_are_missing_from_the_start_of_an_enabled_provider_until_they_are_due()
{
    let db = Db::migrated().await;
    let names = ["bird", "lime"].map(|name| (name.parse().unwrap(), PROVIDER_ID));
    db.store.upsert_providers(&names).await.unwrap();
    let zone = CivilZone::default();
    let ago = |hours: i64| Hour::containing(Utc::now() - TimeDelta::hours(hours));
    // 40 and 38 hours ago, and one that is not due.
    for at in [40, 38, 5] {
        let range = HourRange::new(ago(at), ago(at).next()).unwrap();
        for (name, _) in &names {
            db.store.ensure_blocks(name, range, &zone).await.unwrap();
        }
    }
    let mut lime = facts("lime", None);
    lime.enabled = false;
    configure(&db, &[facts("bird", Some(ago(39))), lime]).await;
    let states = |provider: &str| {
        format!(
            "SELECT state, count(*), min(block_start) = date_trunc('hour', now() - interval '40 hours')
             FROM api.hours WHERE provider = '{provider}' GROUP BY state"
        )
    };
    // All from the start on, 39 to 31 hours ago, and nothing of the planned hour before it.
    assert_eq!(db.rows(&states("bird")).await, ["missing|9|f"]);
    assert_eq!(db.rows(&states("lime")).await, ["missing|2|t"]);

    // What is pulled is there before it is due.
    db.sql
        .batch_execute(
            "UPDATE api.schedule SET status_id = 8, records_total = 7, records_processed = 6,
                 records_error_count = 1, records_duplicate_count = 0
             WHERE block_start > now() - interval '10 hours'",
        )
        .await
        .unwrap();
    assert_eq!(
        db.rows("SELECT provider, sum(hours), sum(missing), sum(whole), sum(trips_fetched) FROM api.days GROUP BY 1 ORDER BY 1")
            .await,
        ["bird|10|9|1|7", "lime|3|2|1|7"]
    );
}

#[tokio::test]
async fn hours_have_the_labels_and_days_of_the_city() {
    let db = Db::planned().await;
    let zone = CivilZone::default();
    let autumn = hours("2020-10-31-22", "2020-11-02-02");
    db.store
        .ensure_blocks(&bird(), autumn, &zone)
        .await
        .unwrap();
    configure(&db, &[facts("bird", None)]).await;
    let expected: Vec<_> = autumn
        .iter()
        .map(|hour| format!("{}|{}", hour.label(&zone), zone.civil(hour.start()).date()))
        .collect();
    let found = db
        .rows(
            "SELECT label, day FROM api.hours WHERE provider = 'bird'
             AND block_start >= '2020-11-01T03:00:00Z' AND block_start < '2020-11-02T08:00:00Z'
             ORDER BY block_start",
        )
        .await;
    assert_eq!(found, expected);
    assert!(
        found.contains(&"2020-11-01-01b|2020-11-01".to_owned()),
        "{found:?}"
    );
    let hours = db
        .text("SELECT hours FROM api.days WHERE provider = 'bird' AND day = '2020-11-01'")
        .await;
    assert_eq!(hours, "25");
}

/// Where the clocks go back by two or three hours, as many hours of the day occur twice.
#[tokio::test]
async fn each_hour_has_its_own_label_where_the_clocks_go_back_by_more_than_one() {
    for (name, day) in [
        ("Antarctica/Troll", "2026-10-25"),
        ("Asia/Magadan", "2014-10-26"),
        ("Antarctica/Casey", "2010-03-05"),
        ("US/Central", "2020-11-01"),
    ] {
        let db = Db::planned().await;
        db.sql
            .batch_execute("TRUNCATE api.schedule CASCADE")
            .await
            .unwrap();
        let zone: CivilZone = name.parse().unwrap();
        let day = zone.day(day.parse().unwrap()).unwrap();
        db.store.ensure_blocks(&bird(), day, &zone).await.unwrap();
        db.store.write_time_zone(&zone).await.unwrap();
        db.sql
            .batch_execute("UPDATE api.schedule SET status_id = 8")
            .await
            .unwrap();
        let expected: Vec<_> = day.iter().map(|hour| hour.label(&zone)).collect();
        let found = db
            .rows("SELECT label FROM api.hours ORDER BY block_start")
            .await;
        assert_eq!(found, expected, "{name}");
        let again = found.iter().filter(|label| label.ends_with('b')).count();
        assert_eq!(again, expected.len() - 24, "{name}");
    }
}

#[tokio::test]
async fn an_unreadable_currency_is_not_counted_as_dollars() {
    let db = Db::planned().await;
    configure(&db, &[facts("bird", None)]).await;
    let mut loaded = trips(0..3);
    for (trip, code) in loaded.iter_mut().zip([None, Some("XXX"), Some("EUR")]) {
        trip.currency = code.map(str::to_owned);
    }
    db.load(0, &loaded).await;
    assert_eq!(
        db.rows("SELECT currency, count(*) FROM api.trips_counted GROUP BY 1 ORDER BY 1")
            .await,
        ["EUR|1", "USD|1", "XXX|1"]
    );
}

#[tokio::test]
async fn withdrawn_trips_do_not_count_and_no_trip_counts_twice() {
    let db = Db::planned().await;
    // Another entry with the same id, as of a provider that was renamed.
    let again = [("bird2".parse().unwrap(), PROVIDER_ID)];
    db.store.upsert_providers(&again).await.unwrap();
    configure(&db, &[facts("bird", None)]).await;
    let mut odd = trip(9);
    odd.flags.insert(Flag::LongDuration);
    odd.flags.insert(Flag::Overlap);
    let mut loaded = trips(0..3);
    loaded.push(odd);
    db.load(0, &loaded).await;
    let withdrawn: Uuid = trip(1).trip_id;
    db.sql
        .execute(
            "UPDATE api.trips SET withdrawn_at = now() WHERE trip_id = $1",
            &[&withdrawn],
        )
        .await
        .unwrap();
    let counted = db
        .rows(
            "SELECT provider, count(*), count(DISTINCT trip_id) FROM api.trips_counted GROUP BY 1",
        )
        .await;
    assert_eq!(counted, ["bird|3|3"]);
    let civil = db
        .text("SELECT DISTINCT civil_end = end_time AT TIME ZONE 'US/Central', end_day = civil_end::date FROM api.trips_counted")
        .await;
    assert_eq!(civil, "t|t");
    let flags = db
        .rows("SELECT provider, flag, count(*) FROM api.flags GROUP BY 1, 2 ORDER BY 2")
        .await;
    assert_eq!(flags, ["bird|long_duration|1", "bird|overlap|1"]);
}

/// What the plan of a query reads, without what it costs.
async fn plan_of(db: &Db, query: &str) -> String {
    db.text(&format!(
        "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) {query}"
    ))
    .await
}

#[tokio::test]
async fn a_month_of_a_provider_is_found_by_the_index() {
    let db = Db::planned().await;
    let year = HourRange::new(hour("2018-01-01-00"), hour("2019-01-01-00")).unwrap();
    db.store
        .ensure_blocks(&bird(), year, &CivilZone::default())
        .await
        .unwrap();
    db.sql.batch_execute("ANALYZE api.schedule").await.unwrap();
    let query = "SELECT * FROM api.hours WHERE provider = 'bird'
        AND block_start >= '2018-06-01T05:00:00Z' AND block_start < '2018-07-01T05:00:00Z'";
    for (start, rows) in [
        (None, 720),
        (Some(hour("2018-03-01-00")), 720),
        (Some(hour("2018-06-11-00")), 480),
    ] {
        configure(&db, &[facts("bird", start)]).await;
        assert_eq!(db.rows(query).await.len(), rows);
        let plan = plan_of(&db, query).await;
        assert!(!plan.contains("Seq Scan on schedule s "), "{plan}");
    }
}
