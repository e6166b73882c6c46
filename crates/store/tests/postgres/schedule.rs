//! Blocks: each is inserted once, with the city's date and hour, on every day of the year.

use std::time::{Duration, Instant};

use chrono::{Datelike, Timelike};
use futures::future::join_all;
use rstest::rstest;
use store::StoreError;
use tokio_postgres::Client;
use trips::status::BlockStatus;
use trips::time::CivilZone;
use uuid::Uuid;

use crate::fixture::{Db, PROVIDER_ID, bird, hour, hours, open, trips};

#[tokio::test]
async fn blocks_are_inserted_once() {
    let db = Db::planned().await;
    let zone = CivilZone::default();
    let two_days = hours("2020-01-01-12", "2020-01-03-12");
    assert_eq!(
        db.store
            .ensure_blocks(&bird(), two_days, &zone)
            .await
            .unwrap(),
        36
    );
    assert_eq!(
        db.store
            .ensure_blocks(&bird(), two_days, &zone)
            .await
            .unwrap(),
        0
    );
    let blocks = db.store.blocks(&bird(), two_days).await.unwrap();
    let hours: Vec<_> = blocks.iter().map(|block| block.hour).collect();
    assert_eq!(hours, two_days.iter().collect::<Vec<_>>());
    assert!(
        blocks
            .iter()
            .all(|block| block.status == BlockStatus::New && block.extracted_at.is_none())
    );
}

#[tokio::test]
async fn a_plan_adds_what_is_missing_and_has_every_block_in_order() {
    let db = Db::planned().await;
    let (zone, lime) = (CivilZone::default(), "lime".parse().unwrap());
    let providers = [(bird(), PROVIDER_ID), (lime, Uuid::from_u128(7))];
    db.store.upsert_providers(&providers).await.unwrap();
    let [(_, _), (lime, _)] = providers;
    // `bird` has its first day already, and `lime` every third hour.
    let wanted = [
        (lime.clone(), hours("2020-01-02-00", "2020-01-04-00")),
        (bird(), hours("2020-01-01-00", "2020-01-03-00")),
    ];
    db.store.plan_blocks(&wanted[..1], &zone).await.unwrap();
    let some = format!(
        "DELETE FROM api.schedule s USING api.providers p
         WHERE p.provider_id = s.provider_id AND provider_name = '{lime}' AND hour % 3 <> 0"
    );
    db.sql.batch_execute(&some).await.unwrap();

    let planned = db.store.plan_blocks(&wanted, &zone).await.unwrap();
    assert_eq!(planned.inserted, 32 + 24);
    for ((provider, range), blocks) in wanted.iter().zip(&planned.blocks) {
        assert_eq!(*blocks, db.store.blocks(provider, *range).await.unwrap());
        let hours: Vec<_> = blocks.iter().map(|block| block.hour).collect();
        assert_eq!(hours, range.iter().collect::<Vec<_>>());
    }
    let again = db.store.plan_blocks(&wanted, &zone).await.unwrap();
    assert_eq!((again.inserted, again.blocks), (0, planned.blocks));
}

#[tokio::test]
async fn plans_that_overlap_insert_blocks_once_and_never_wait_in_a_circle() {
    let db = Db::planned().await;
    let (zone, lime) = (CivilZone::default(), "lime".parse().unwrap());
    let providers = [(lime, Uuid::from_u128(7)), (bird(), PROVIDER_ID)];
    db.store.upsert_providers(&providers).await.unwrap();
    let wanted = |first, end| {
        let range = hours(first, end);
        providers
            .iter()
            .map(|(name, _)| (name.clone(), range))
            .collect::<Vec<_>>()
    };
    let mut two = [
        wanted("2020-02-01-00", "2020-03-01-00"),
        wanted("2020-02-10-00", "2020-03-08-00"),
    ];
    // The order in which providers are named makes no difference.
    two[1].reverse();
    let plans = (0..8).map(|n| db.store.plan_blocks(&two[n % 2], &zone));
    for (n, planned) in join_all(plans).await.into_iter().enumerate() {
        for ((_, range), blocks) in two[n % 2].iter().zip(planned.unwrap().blocks) {
            assert_eq!(blocks.len() as u64, range.len());
        }
    }
    let count = db.text("SELECT count(*) FROM api.schedule").await;
    assert_eq!(count, (24 + 2 * 36 * 24).to_string());
}

#[tokio::test]
async fn concurrent_plans_insert_blocks_once() {
    let db = Db::planned().await;
    let zone = CivilZone::default();
    let range = hours("2020-01-01-00", "2020-03-01-00");
    let bird = bird();
    let plans = (0..8).map(|_| db.store.ensure_blocks(&bird, range, &zone));
    let inserted: u64 = join_all(plans).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(inserted, range.len() - 24);
}

#[rstest]
#[case::our_tables("")]
#[case::another_type(
    "DROP VIEW IF EXISTS api.days, api.hours CASCADE;
     ALTER TABLE api.schedule ALTER year TYPE bigint, ALTER hour TYPE smallint"
)]
#[case::ids_from_elsewhere(
    "ALTER TABLE api.schedule ALTER schedule_id DROP IDENTITY; CREATE SEQUENCE elsewhere START 1000;
     ALTER TABLE api.schedule ALTER schedule_id SET DEFAULT nextval('elsewhere')"
)]
#[tokio::test]
async fn many_blocks_are_inserted_as_few_are(#[case] change: &str) {
    let db = Db::planned().await;
    db.sql.batch_execute(change).await.unwrap();
    let zone = "US/Central".parse().unwrap();
    let spring = hours("2020-01-02-00", "2020-06-01-00");
    let planned = db.store.plan_blocks(&[(bird(), spring)], &zone).await;
    let planned = planned.unwrap();
    assert_eq!(planned.inserted, spring.len());
    assert_eq!(
        planned.blocks,
        [db.store.blocks(&bird(), spring).await.unwrap()]
    );
    let wrong = "
        SELECT count(*) FROM api.schedule, LATERAL (SELECT block_start AT TIME ZONE 'US/Central' AS civil) AS clock
        WHERE block_start >= '2020-01-02 12:00Z' AND (
            block_end <> block_start + interval '1 hour' OR date <> civil::date OR year <> extract(year FROM civil)
            OR month <> extract(month FROM civil) OR day <> extract(day FROM civil)
            OR hour <> extract(hour FROM civil) OR status_id <> 0 OR rerun_flag OR updated_at IS NULL
        )";
    assert_eq!(db.text(wrong).await, "0");
    // No id was taken in vain: our own tables take the blocks the first time.
    if change.is_empty() {
        let unused = "SELECT max(schedule_id) - count(*) FROM api.schedule";
        assert_eq!(db.text(unused).await, "0");
    }
}

#[rstest]
#[case("US/Central", "2020-03-07-00", "2020-03-10-00", 71)]
#[case("US/Central", "2020-10-31-00", "2020-11-03-00", 73)]
#[case("US/Central", "2019-12-30-00", "2020-01-02-00", 72)]
#[case("Europe/London", "2021-03-27-00", "2021-03-30-00", 71)]
#[case("America/Sao_Paulo", "2019-02-15-00", "2019-02-18-00", 73)]
#[case("UTC", "2020-02-28-00", "2020-03-01-00", 48)]
#[tokio::test]
async fn a_block_has_the_citys_date_and_hour(
    #[case] zone: CivilZone,
    #[case] first: &str,
    #[case] end: &str,
    #[case] count: usize,
) {
    let db = Db::planned().await;
    db.sql
        .batch_execute("DELETE FROM api.schedule")
        .await
        .unwrap();
    let (first, end) = (
        zone.parse_time(first).unwrap(),
        zone.parse_time(end).unwrap(),
    );
    let range = trips::block::HourRange::new(first, end).unwrap();
    db.store.ensure_blocks(&bird(), range, &zone).await.unwrap();

    let expected: Vec<_> = range
        .iter()
        .map(|hour| {
            let civil = zone.civil(hour.start());
            let (year, month, day) = (civil.year(), civil.month(), civil.day());
            format!("{}|{year}|{month}|{day}|{}", civil.date(), civil.hour())
        })
        .collect();
    assert_eq!(expected.len(), count);
    let stored = db
        .rows("SELECT date, year, month, day, hour FROM api.schedule ORDER BY block_start")
        .await;
    assert_eq!(stored, expected);

    let by_postgres = format!(
        "SELECT count(*) FROM api.schedule, LATERAL (SELECT block_start AT TIME ZONE '{zone}' AS civil) AS clock
         WHERE date <> civil::date OR hour <> extract(hour FROM civil) OR day <> extract(day FROM civil)"
    );
    assert_eq!(db.text(&by_postgres).await, "0");
}

#[tokio::test]
async fn ten_years_are_planned_at_once() {
    let db = Db::planned().await;
    let range = hours("2016-01-01-00", "2026-01-01-00");
    let start = Instant::now();
    let inserted = db
        .store
        .ensure_blocks(&bird(), range, &CivilZone::default())
        .await
        .unwrap();
    println!("{inserted} blocks in {:?}", start.elapsed());
    assert_eq!(inserted, range.len() - 24);
    let start = Instant::now();
    assert_eq!(
        db.store
            .ensure_blocks(&bird(), range, &CivilZone::default())
            .await
            .unwrap(),
        0
    );
    println!("none in {:?}", start.elapsed());
}

#[tokio::test]
async fn an_unknown_provider_has_no_blocks() {
    let db = Db::planned().await;
    let lime = "lime".parse().unwrap();
    let range = hours("2020-01-01-00", "2020-01-02-00");
    let error = db
        .store
        .ensure_blocks(&lime, range, &CivilZone::default())
        .await
        .unwrap_err();
    assert!(matches!(&error, StoreError::UnknownProvider { provider } if provider == &lime));
    assert_eq!(db.store.blocks(&lime, range).await.unwrap(), []);
}

#[tokio::test]
async fn a_provider_keeps_its_provider_id_when_its_mds_id_changes() {
    let db = Db::planned().await;
    let before = db.text("SELECT provider_id, xmin FROM api.providers").await;
    db.store
        .upsert_providers(&[(bird(), PROVIDER_ID)])
        .await
        .unwrap();
    assert_eq!(
        db.text("SELECT provider_id, xmin FROM api.providers").await,
        before
    );
    let (lime, other) = ("lime".parse().unwrap(), Uuid::from_u128(7));
    db.store
        .upsert_providers(&[(lime, other), (bird(), other)])
        .await
        .unwrap();
    let found = db
        .rows("SELECT provider_name, mds_provider_id FROM api.providers ORDER BY provider_id")
        .await;
    assert_eq!(found, [format!("bird|{other}"), format!("lime|{other}")]);
}

#[tokio::test]
async fn a_provider_with_blocks_stays() {
    let db = Db::planned().await;
    let changes = [
        "DELETE FROM api.providers",
        "UPDATE api.providers SET provider_id = 99",
    ];
    for change in changes {
        let error = db.sql.batch_execute(change).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "23503", "{change}");
    }
    db.sql
        .batch_execute("DELETE FROM api.schedule; UPDATE api.providers SET provider_id = 99; DELETE FROM api.providers")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_published_block_is_read_as_published() {
    let db = Db::planned().await;
    db.load(3, &trips(0..1)).await;
    db.publish(3).await;
    let day = hours("2020-01-01-00", "2020-01-02-00");
    let blocks = db.store.blocks(&bird(), day).await.unwrap();
    let (published, unfinished): (Vec<_>, Vec<_>) = blocks
        .iter()
        .partition(|block| block.status == BlockStatus::Published);
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].hour, hour("2020-01-01-03"));
    assert_eq!(unfinished.len(), 23);
}

#[rstest]
#[case(
    "records_total = 3, records_processed = 1, records_error_count = 1, records_duplicate_count = 0"
)]
#[case("records_total = 3, records_processed = 3")]
#[case("block_end = block_end + interval '1 hour'")]
#[case(
    "block_start = block_start + interval '1 minute', block_end = block_end + interval '1 minute'"
)]
#[tokio::test]
async fn constraints_of_the_table_refuse_inconsistent_rows(#[case] assignments: &str) {
    let db = Db::planned().await;
    let update = format!("UPDATE api.schedule SET {assignments}");
    let error = db.sql.batch_execute(&update).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "23514");
}

/// Postgres's statistics of `api.schedule`: the number of full scans, the number of index scans,
/// and the number of rows that these read.
async fn scans(sql: &Client) -> (i64, i64, i64) {
    // The statistics include a session once it has ended.
    let others = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while sql.query_one(others, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let row = sql
        .query_one(
            "SELECT t.seq_scan, i.idx_scan, i.idx_tup_read
             FROM pg_stat_user_tables t JOIN pg_stat_user_indexes i USING (relid)
             WHERE t.relname = 'schedule' AND i.indexrelname = 'schedule_block'",
            &[],
        )
        .await
        .unwrap();
    (row.get(0), row.get(1), row.get(2))
}

#[tokio::test]
async fn an_hour_is_found_by_index_among_years() {
    let Db { store, sql, url } = Db::planned().await;
    let zone = CivilZone::default();
    store.write_time_zone(&zone).await.unwrap();
    let years = hours("2016-01-01-00", "2020-01-01-00");
    store.ensure_blocks(&bird(), years, &zone).await.unwrap();
    drop(store);
    sql.batch_execute("VACUUM ANALYZE api.schedule")
        .await
        .unwrap();
    let (whole, by_index, rows) = scans(&sql).await;

    let store = open(&url, 1);
    let next = hours("2020-01-02-00", "2020-01-02-01");
    store.check_time_zone(&zone).await.unwrap();
    assert_eq!(store.ensure_blocks(&bird(), next, &zone).await.unwrap(), 1);
    assert_eq!(store.blocks(&bird(), next).await.unwrap().len(), 1);
    drop(store);

    let after = scans(&sql).await;
    assert!(after.1 > by_index);
    assert_eq!(after.0, whole, "the whole schedule was read");
    let read = after.2 - rows;
    assert!(read < 100, "{read} rows were read for one");
}
