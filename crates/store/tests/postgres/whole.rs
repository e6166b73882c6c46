//! Up to which hour a provider's hours are whole, and how many after it are not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rstest::rstest;
use store::{DoneWhen, ExpectedHours};
use trips::block::Hour;
use trips::status::BlockStatus;

use crate::fixture::{Db, bird, hour};

/// The day of the fixture, of which the hours from `start` until `end` are expected.
fn expected(start: Option<&str>, end: &str) -> ExpectedHours {
    ExpectedHours {
        provider: bird(),
        start: start.map(hour),
        end: hour(end),
    }
}

async fn until(db: &Db, expected: ExpectedHours, done: DoneWhen) -> Option<Hour> {
    let found = db.store.whole_until(&[expected], done).await.unwrap();
    found.get(&bird()).copied()
}

/// Sets every block of the day to 8, and the n-th to a status.
async fn set(db: &Db, n: i32, status: BlockStatus) {
    let code = i32::from(status.code());
    db.sql
        .execute(
            "UPDATE api.schedule SET status_id = CASE WHEN hour = $1 THEN $2 ELSE 8 END",
            &[&n, &code],
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn only_published_and_empty_hours_are_whole_and_without_a_portal_loaded_ones_too() {
    let db = Db::planned().await;
    let end = || expected(None, "2020-01-02-00");
    for status in BlockStatus::ALL {
        set(&db, 7, status).await;
        let is_whole = matches!(status, BlockStatus::Published | BlockStatus::NoTrips);
        let at = |is_whole| {
            Some(hour(if is_whole {
                "2020-01-02-00"
            } else {
                "2020-01-01-07"
            }))
        };
        let published = until(&db, end(), DoneWhen::Published).await;
        assert_eq!(published, at(is_whole), "{status:?}");
        let loaded = until(&db, end(), DoneWhen::Loaded).await;
        assert_eq!(loaded, at(is_whole || status.is_loaded()), "{status:?}");
    }
}

#[rstest]
#[case::first_planned_hour(None, "2020-01-02-00", "2020-01-02-00")]
#[case::hours_after_the_end_do_not_count(None, "2020-01-01-05", "2020-01-01-05")]
#[case::the_last_planned_hour_is_too_early(None, "2020-01-02-03", "2020-01-02-00")]
#[case::a_start_before_the_first_planned_hour(
    Some("2019-12-31-20"),
    "2020-01-02-00",
    "2019-12-31-20"
)]
#[case::a_start_after_the_last_planned_hour(
    Some("2020-01-03-00"),
    "2020-01-04-00",
    "2020-01-03-00"
)]
#[case::a_start_that_has_not_come(Some("2020-01-03-00"), "2020-01-02-00", "2020-01-03-00")]
#[tokio::test]
async fn hours_are_expected_from_the_start_to_the_end(
    #[case] start: Option<&str>,
    #[case] end: &str,
    #[case] whole_until: &str,
) {
    let db = Db::planned().await;
    set(&db, -1, BlockStatus::New).await;
    let found = until(&db, expected(start, end), DoneWhen::Published).await;
    assert_eq!(found, Some(hour(whole_until)));
}

#[tokio::test]
async fn an_hour_that_nobody_planned_is_not_whole() {
    let db = Db::planned().await;
    set(&db, 20, BlockStatus::ExtractFailed).await;
    db.sql
        .batch_execute("DELETE FROM api.schedule WHERE hour IN (5, 9)")
        .await
        .unwrap();
    let whole = || expected(None, "2020-01-02-00");
    let found = until(&db, whole(), DoneWhen::Published).await;
    assert_eq!(found, Some(hour("2020-01-01-05")));
    // A failed hour before the gap comes first.
    set(&db, 3, BlockStatus::ExtractFailed).await;
    let found = until(&db, whole(), DoneWhen::Published).await;
    assert_eq!(found, Some(hour("2020-01-01-03")));
}

#[tokio::test]
async fn a_provider_without_a_planned_hour_and_a_start_has_not_begun() {
    let db = Db::planned().await;
    let mut lime = expected(None, "2020-01-02-00");
    lime.provider = "lime".parse().unwrap();
    let asked = [lime.clone()];
    let found = db.store.whole_until(&asked, DoneWhen::Published);
    assert_eq!(found.await.unwrap(), BTreeMap::new());
    lime.start = Some(hour("2020-01-01-00"));
    let asked = [lime.clone()];
    let found = db.store.whole_until(&asked, DoneWhen::Published);
    assert_eq!(
        found.await.unwrap(),
        BTreeMap::from([(lime.provider, hour("2020-01-01-00"))])
    );
}

#[tokio::test]
async fn hours_that_are_not_done_are_counted_with_those_that_nobody_planned() {
    let db = Db::planned().await;
    set(&db, -1, BlockStatus::New).await;
    let undone = async |start, end| {
        let asked = [expected(Some(start), end)];
        let found = db.store.undone_hours(&asked, DoneWhen::Published).await;
        let found = found.unwrap().remove(&bird());
        found.map(|it| (it.hours, it.last))
    };
    let (start, end) = ("2020-01-01-00", "2020-01-02-00");
    assert_eq!(undone(start, end).await, None);
    assert_eq!(undone(start, start).await, None);
    // Without a row: an hour before the first, and two after the last.
    let before = undone("2019-12-31-22", end).await;
    assert_eq!(before, Some((2, hour("2019-12-31-23"))));
    let after = undone(start, "2020-01-02-02").await;
    assert_eq!(after, Some((2, hour("2020-01-02-01"))));
    set(&db, 3, BlockStatus::ExtractFailed).await;
    let failed = undone(start, end).await;
    assert_eq!(failed, Some((1, hour("2020-01-01-03"))));
    db.sql
        .batch_execute("DELETE FROM api.schedule WHERE hour IN (9, 10)")
        .await
        .unwrap();
    assert_eq!(undone(start, end).await, Some((3, hour("2020-01-01-10"))));
    let part = undone(start, "2020-01-01-10").await;
    assert_eq!(part, Some((2, hour("2020-01-01-09"))));
    // Loaded hours count where there is no portal.
    set(&db, 3, BlockStatus::Loaded).await;
    let asked = [expected(Some(start), end)];
    let loaded = db.store.undone_hours(&asked, DoneWhen::Loaded).await;
    assert_eq!(loaded.unwrap()[&bird()].hours, 2);
    // Of a provider without a row, every hour is left.
    let mut lime = expected(Some(start), end);
    lime.provider = "lime".parse().unwrap();
    let asked = [lime.clone()];
    let all = db.store.undone_hours(&asked, DoneWhen::Published).await;
    let all = all.unwrap()[&lime.provider];
    assert_eq!((all.hours, all.last), (24, hour("2020-01-01-23")));
}

/// Ten years of 18 providers have 1.6 million blocks; this has a tenth of them.
#[tokio::test]
async fn years_of_hours_are_not_read_one_by_one() {
    let db = Db::migrated().await;
    db.sql
        .batch_execute(
            "INSERT INTO api.providers (provider_name) SELECT 'p' || n FROM generate_series(1, 18) n;
             INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour, status_id)
             SELECT provider_id, h, h + interval '1 hour', h::date, 2020, 1, 1, 0, 8
             FROM api.providers, generate_series(timestamptz '2020-01-01Z', timestamptz '2020-12-31Z', interval '1 hour') h;",
        )
        .await
        .unwrap();
    db.sql
        .batch_execute("VACUUM ANALYZE api.schedule")
        .await
        .unwrap();
    let mut expected: Vec<_> = (1..=18)
        .map(|n| ExpectedHours {
            provider: format!("p{n}").parse().unwrap(),
            start: None,
            end: Hour::containing("2020-12-31T00:00:00Z".parse().unwrap()),
        })
        .collect();
    let began = Instant::now();
    let found = db.store.whole_until(&expected, DoneWhen::Published).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(found.unwrap().values().all(|it| *it == expected[0].end));
    // An hour before the first one is missing.
    for it in &mut expected {
        it.start = Some(Hour::containing("2019-12-31T23:00:00Z".parse().unwrap()));
    }
    let began = Instant::now();
    let found = db.store.undone_hours(&expected, DoneWhen::Published).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    let found = found.unwrap();
    assert_eq!(found.len(), 18);
    assert!(found.values().all(|it| it.hours == 1));
}
