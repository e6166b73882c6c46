//! What a status report reads: the hours of a provider, and what the last audits have found.

use chrono::{TimeDelta, Utc};
use store::{AuditFinding, HourRow, ProviderFacts};
use trips::block::{Hour, HourRange};
use trips::hour_state::HourState;
use trips::status::BlockStatus;
use trips::time::CivilZone;
use uuid::Uuid;

use crate::fixture::{Db, PROVIDER_ID, bird, hours, trips};

fn ago(hours: i64) -> Hour {
    Hour::containing(Utc::now() - TimeDelta::hours(hours))
}

impl Db {
    /// Makes bird expected, from an hour on or from its first planned one.
    async fn expect_bird(&self, active_from: Option<Hour>, enabled: bool) {
        let facts = ProviderFacts {
            name: bird(),
            active_from,
            lag_hours: 30,
            enabled,
        };
        let providers = [(bird(), PROVIDER_ID)];
        self.store.upsert_providers(&providers).await.unwrap();
        let zone = CivilZone::default();
        let facts = [facts];
        let written = self.store.write_configuration(&zone, &facts, &[]);
        written.await.unwrap();
    }

    async fn plan(&self, hours_ago: i64, status: BlockStatus) {
        let (first, zone) = (ago(hours_ago), CivilZone::default());
        let range = HourRange::new(first, first.next()).unwrap();
        let bird = bird();
        let planned = self.store.ensure_blocks(&bird, range, &zone);
        planned.await.unwrap();
        let update =
            "UPDATE api.schedule SET status_id = $1, message = 'said' WHERE block_start = $2";
        let code = i32::from(status.code());
        let start = first.start();
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&code, &start];
        let updated = self.sql.execute(update, &parameters);
        assert_eq!(updated.await.unwrap(), 1);
    }

    async fn hours_since(&self, since: Hour) -> Vec<HourRow> {
        let range = HourRange::new(since, ago(0).next()).unwrap();
        let mut found = Vec::new();
        let bird = bird();
        let read = self.store.hours(&bird, range, |row| found.push(row));
        read.await.unwrap();
        found
    }

    async fn states(&self, since: Hour) -> Vec<(i64, HourState)> {
        let now = ago(0).start();
        let hours = self.hours_since(since).await;
        hours
            .iter()
            .map(|row| ((now - row.hour.start()).num_hours(), row.state))
            .collect()
    }
}

#[tokio::test]
async fn a_provider_that_has_not_begun_has_no_hours() {
    let db = Db::migrated().await;
    db.expect_bird(None, true).await;
    assert_eq!(db.hours_since(ago(100)).await, []);
}

#[tokio::test]
async fn an_hour_that_is_not_due_counts_only_if_something_of_it_is_there() {
    let db = Db::migrated().await;
    db.expect_bird(Some(ago(32)), true).await;
    for (hours_ago, status) in [
        (31, BlockStatus::NotPublished),
        (9, BlockStatus::Published),
        (8, BlockStatus::NotPublished),
        (7, BlockStatus::New),
        (6, BlockStatus::ExtractFailed),
    ] {
        db.plan(hours_ago, status).await;
    }
    let found = db.hours_since(ago(100)).await;
    let now = ago(0).start();
    let found: Vec<_> = found
        .iter()
        .map(|row| {
            let hours_ago = (now - row.hour.start()).num_hours();
            (hours_ago, row.state, row.status, row.message.is_some())
        })
        .collect();
    // Only a failure and a provider's answer have a message that says why.
    assert_eq!(
        found,
        [
            (32, HourState::Missing, None, false),
            (
                31,
                HourState::NotPublishedYet,
                Some(BlockStatus::NotPublished),
                true
            ),
            (9, HourState::Whole, Some(BlockStatus::Published), false),
            (6, HourState::Failed, Some(BlockStatus::ExtractFailed), true),
        ]
    );
}

#[tokio::test]
async fn hours_before_the_report_begins_are_left_out() {
    let db = Db::migrated().await;
    db.expect_bird(Some(ago(1000)), true).await;
    let hours: Vec<i64> = (db.states(ago(33)).await.into_iter())
        .map(|(hours_ago, _)| hours_ago)
        .collect();
    assert_eq!(hours, [33, 32, 31]);
}

#[tokio::test]
async fn hours_without_a_row_are_expected_only_of_an_enabled_provider_and_from_its_start_on() {
    let db = Db::migrated().await;
    db.expect_bird(None, false).await;
    db.plan(40, BlockStatus::Published).await;
    db.plan(36, BlockStatus::NoTrips).await;
    let (whole, empty) = ((40, HourState::Whole), (36, HourState::Empty));
    assert_eq!(db.states(ago(100)).await, [whole, empty]);

    db.expect_bird(Some(ago(34)), true).await;
    let missing = [34, 33, 32, 31].map(|hours_ago| (hours_ago, HourState::Missing));
    let found = db.states(ago(100)).await;
    assert_eq!(found, [&[whole, empty][..], &missing].concat());

    db.expect_bird(None, true).await;
    assert_eq!(db.states(ago(100)).await.len(), 10, "from 40 to 31");
}

#[tokio::test]
async fn hours_before_the_start_are_there_only_if_something_of_them_was_archived_or_loaded() {
    let db = Db::migrated().await;
    db.expect_bird(None, true).await;
    let mut at = 60;
    for status in BlockStatus::ALL {
        db.plan(at, status).await;
        at -= 1;
    }
    // Planned or failed, and with an archive that a load missed, or with trips of a former load.
    let kept = [
        (40, "payload = 'trips.json'"),
        (39, "loaded_at = now(), records_processed = 3"),
    ];
    for (hours_ago, columns) in kept {
        db.plan(hours_ago, BlockStatus::ExtractFailed).await;
        let start = ago(hours_ago).start();
        let update = format!("UPDATE api.schedule SET {columns} WHERE block_start = $1");
        db.sql.execute(&update, &[&start]).await.unwrap();
    }
    // The first hour that is expected.
    db.plan(35, BlockStatus::New).await;
    let hours = async || {
        let found = db.states(ago(100)).await;
        found.into_iter().map(|(at, _)| at).collect::<Vec<_>>()
    };
    let all: Vec<i64> = (31..=60).rev().collect();
    assert_eq!(hours().await, all, "since the first one in the schedule");

    db.expect_bird(Some(ago(35)), true).await;
    let nothing_there = [
        BlockStatus::New,
        BlockStatus::NotPublished,
        BlockStatus::ExtractFailed,
    ];
    let statuses = BlockStatus::ALL.into_iter().zip((31..=60).rev());
    let mut expected: Vec<i64> = statuses
        .filter(|(status, _)| !nothing_there.contains(status))
        .map(|(_, at)| at)
        .collect();
    expected.extend([40, 39, 35, 34, 33, 32, 31]);
    assert_eq!(hours().await, expected);
    let days = "SELECT sum(hours) FROM api.days WHERE provider = 'bird'";
    assert_eq!(db.text(days).await, expected.len().to_string());
}

#[tokio::test]
async fn the_newest_whole_hour_is_found_before_the_report_begins() {
    let db = Db::migrated().await;
    db.expect_bird(None, true).await;
    let newest = async |before| {
        db.store
            .newest_complete_hour(&bird(), before)
            .await
            .unwrap()
    };
    assert_eq!(newest(ago(0)).await, None);
    db.plan(80, BlockStatus::Published).await;
    db.plan(70, BlockStatus::NoTrips).await;
    db.plan(60, BlockStatus::ExtractFailed).await;
    assert_eq!(newest(ago(0)).await, Some(ago(70)));
    assert_eq!(newest(ago(70)).await, Some(ago(80)));
}

#[tokio::test]
async fn an_audit_of_an_older_range_does_not_replace_that_of_a_newer_one() {
    let db = Db::migrated().await;
    let finding = |provider, missing| AuditFinding {
        provider,
        database_rows: 100,
        missing,
        ..AuditFinding::default()
    };
    let last = async || {
        let last = db.store.last_audits().await.unwrap();
        let last = last.into_iter();
        last.map(|(provider, it)| (provider, it.run_id, it.finding.missing))
            .collect::<Vec<_>>()
    };
    assert_eq!(last().await, []);
    let january = hours("2020-01-01-00", "2020-01-31-00");
    let both = [finding(Some(bird()), 3), finding(None, 0)];
    db.store.record_audit(january, None, &both).await.unwrap();
    assert_eq!(last().await, [(None, None, 0), (Some(bird()), None, 3)]);

    let run = Uuid::from_u128(7);
    let again = [finding(Some(bird()), 2)];
    let recorded = db.store.record_audit(january, Some(run), &again);
    recorded.await.unwrap();
    let older = hours("2019-01-01-00", "2019-02-01-00");
    let recorded = db.store.record_audit(older, None, &both);
    recorded.await.unwrap();
    assert_eq!(
        last().await,
        [(None, None, 0), (Some(bird()), Some(run), 2)]
    );
}

#[tokio::test]
async fn an_audit_that_only_compares_does_not_forget_the_rows_that_a_run_has_left() {
    let db = Db::migrated().await;
    let run = Some(Uuid::from_u128(7));
    let record = async |first, run, extra, rows_left| {
        let finding = AuditFinding {
            extra,
            rows_left,
            ..AuditFinding::default()
        };
        let range = hours(first, "2020-01-31-00");
        db.store.record_audit(range, run, &[finding]).await.unwrap();
        let last = db.store.last_audits().await.unwrap();
        last[&None].finding.rows_left
    };
    let first = "2020-01-02-00";
    assert_eq!(record(first, None, 5, 0).await, 0);
    assert_eq!(record(first, run, 24, 7).await, 7);
    assert_eq!(record(first, None, 7, 0).await, 7, "the same rows");
    assert_eq!(record("2020-01-01-00", None, 7, 0).await, 7, "more hours");
    assert_eq!(record(first, None, 7, 0).await, 0, "some of the hours");
    assert_eq!(record(first, run, 7, 7).await, 7);
    assert_eq!(record(first, None, 5, 0).await, 0, "other rows");
    assert_eq!(record(first, run, 7, 7).await, 7);
    assert_eq!(record(first, run, 7, 0).await, 0, "mended");
}

#[tokio::test]
async fn flags_are_those_of_trips_that_count_and_withdrawn_trips_are_counted_apart() {
    let db = Db::planned().await;
    db.deliver(0, 1, &trips(1..6)).await;
    db.sql
        .batch_execute(
            "UPDATE api.trips SET flags = '{zero_distance,long_trip}';
             UPDATE api.trips SET flags = '{zero_distance}' WHERE id IN (SELECT id FROM api.trips ORDER BY id LIMIT 1);
             UPDATE api.trips SET withdrawn_at = now() WHERE id IN (SELECT id FROM api.trips ORDER BY id DESC LIMIT 2)",
        )
        .await
        .unwrap();
    let hour = db.block(0).await.hour;
    let range = HourRange::new(hour, hour.next()).unwrap();
    let found = db
        .store
        .found(range)
        .await
        .unwrap()
        .remove(&bird())
        .unwrap();
    let flags: Vec<_> = found
        .flags
        .iter()
        .map(|(name, count)| (&**name, *count))
        .collect();
    assert_eq!(flags, [("long_trip", 2), ("zero_distance", 3)]);
    assert_eq!((found.withdrawn, found.waiting_blocks), (2, 1));
}
