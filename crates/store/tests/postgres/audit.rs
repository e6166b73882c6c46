//! What an audit reads.

use chrono::{DateTime, TimeDelta, Utc};
use rstest::rstest;
use trips::block::Hour;
use trips::public_row::TimeRounding;

use crate::fixture::{Db, bird, hours, trip, trips};

/// Ends around the whole hour, and around the half steps of a rounding before it.
const ENDS: [&str; 6] = [
    "2020-01-01T10:30:00Z",
    "2020-01-01T10:52:29.9Z",
    "2020-01-01T10:52:30Z",
    "2020-01-01T10:59:59.9Z",
    "2020-01-01T11:00:00Z",
    "2020-01-01T11:29:59Z",
];

#[rstest]
#[case(0)]
#[case(5)]
#[case(15)]
#[case(60)]
#[tokio::test]
async fn an_hour_has_the_trips_whose_published_end_lies_in_it(#[case] minutes: u32) {
    let rounding = TimeRounding::minutes(minutes).unwrap();
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..6)).await;
    for (n, end) in (0..).zip(ENDS) {
        db.text(&format!(
            "UPDATE api.trips SET end_time = '{end}', start_time = '2020-01-01T08:00:00Z'::timestamptz + interval '1 minute' * {n},
                 trip_duration = {n}, trip_distance = 100 * {n},
                 modified_date = '2020-02-11T01:00:00.9Z'::timestamptz + interval '1 day 1 second' * {n}
             WHERE trip_id = '{}' RETURNING 1::text",
            trip(n).trip_id
        ))
        .await;
    }
    let mut all = Vec::new();
    for hour in hours("2020-01-01T09:00:00Z", "2020-01-01T13:00:00Z") {
        let is_within = |end: &str| Hour::containing(rounding.round(end.parse().unwrap())) == hour;
        let within: Vec<_> = (0..).zip(ENDS).filter(|(_, end)| is_within(end)).collect();
        let range = hours(&hour.start().to_rfc3339(), &hour.end().to_rfc3339());
        let totals = db.store.hour_totals(range, rounding).await.unwrap();
        let mut owned = db.store.owned_trips(&[range], rounding).await.unwrap();
        let mut ids = Vec::new();
        while let Some(owned) = owned.next().await.unwrap() {
            ids.push(owned.trip.trip_id);
        }
        assert!(ids.is_sorted());
        assert_eq!(ids.len(), within.len());
        if within.is_empty() {
            assert_eq!(totals, []);
            continue;
        }
        let [totals] = totals.as_slice() else {
            panic!("one provider in one hour");
        };
        assert_eq!((totals.hour, &totals.provider), (hour, &Some(bird())));
        assert_eq!(totals.trips, within.len() as u64);
        assert_eq!(totals.seconds, within.iter().map(|(n, _)| *n).sum());
        assert_eq!(totals.metres, 100 * totals.seconds);
        let seconds_of_days = within.iter().map(|(n, _)| 3600 + *n).sum::<i128>();
        assert_eq!(i128::from(totals.modified_at), seconds_of_days);
        let ends = within.iter().map(|(_, end)| end.parse().unwrap());
        assert_eq!(Some(totals.last_end), ends.max());
        let start = |n: &i128| {
            let first: DateTime<Utc> = "2020-01-01T08:00:00Z".parse().unwrap();
            first + TimeDelta::minutes(i64::try_from(*n).unwrap())
        };
        let starts = within.iter().map(|(n, _)| start(n));
        assert_eq!(Some(totals.first_start), starts.clone().min());
        assert_eq!(Some(totals.last_start), starts.max());
        all.push(totals.clone());
    }
    // The trips of several hours have one block, which is summed up hour by hour then.
    let range = hours("2020-01-01T09:00:00Z", "2020-01-01T13:00:00Z");
    assert_eq!(db.store.hour_totals(range, rounding).await.unwrap(), all);
    db.text("UPDATE api.trips SET schedule_id = NULL RETURNING 1::text")
        .await;
    for hour in &mut all {
        hour.provider = None;
    }
    assert_eq!(db.store.hour_totals(range, rounding).await.unwrap(), all);
}

#[tokio::test]
async fn a_withdrawn_trip_is_not_live_and_counts_in_no_hour() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..3)).await;
    let id = db.text("UPDATE api.trips SET withdrawn_at = now() WHERE trip_id = (SELECT min(trip_id::text)::uuid FROM api.trips) RETURNING id::text").await;
    let ids = db.rows("SELECT id, 1 FROM api.trips").await;
    let ids: Vec<_> = ids
        .iter()
        .map(|row| row.split('|').next().unwrap().parse().unwrap())
        .collect();
    let live = db.store.live_trips(&ids).await.unwrap();
    assert_eq!(live.len(), 2);
    assert!(live.iter().all(|trip| trip.id.to_string() != id));
    let range = hours("2019-12-01T00:00:00Z", "2020-03-01T00:00:00Z");
    let totals = db
        .store
        .hour_totals(range, TimeRounding::NONE)
        .await
        .unwrap();
    assert_eq!(totals.iter().map(|it| it.trips).sum::<u64>(), 2);
}

#[tokio::test]
async fn a_loaded_block_waits_until_it_is_published() {
    let db = Db::planned().await;
    db.deliver(0, 0, &trips(0..3)).await;
    let id = db.schedule_id(0).await;
    let is_waiting = async || db.store.owner_blocks(&[id]).await.unwrap()[0].is_waiting;
    assert!(is_waiting().await);
    db.publish(0).await;
    assert!(!is_waiting().await);
}
