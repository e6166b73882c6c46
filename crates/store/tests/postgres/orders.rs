//! Deliveries loaded in any order, again, and side by side leave one end state: that of a model in
//! memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use futures::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::StoreError;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};
use trips::trip::Flag;

use crate::fixture::{Db, at, deliver, request_at, trip};

const BLOCKS: usize = 3;
const TRIPS: u128 = 5;
const REQUESTS: i64 = 6;

/// What a provider returned for a block at a time: its trips, each with a publication time and a
/// distance.
type Delivered = BTreeMap<u128, (Option<i64>, i64)>;

/// Deliveries by block and request time.
type Deliveries = BTreeMap<(usize, i64), Delivered>;

/// Positions in the deliveries, loaded group by group; those of a group side by side.
type Order = Vec<Vec<prop::sample::Index>>;

fn deliveries() -> impl Strategy<Value = Deliveries> {
    let content = (prop::option::of(0..3_i64), 1..4_i64);
    let delivered = prop::collection::btree_map(0..TRIPS, content, 0..5);
    prop::collection::btree_map((0..BLOCKS, 0..REQUESTS), delivered, 1..9)
}

fn order() -> impl Strategy<Value = Order> {
    let group = prop::collection::vec(any::<prop::sample::Index>(), 1..4);
    prop::collection::vec(group, 2..8)
}

/// The rows that all deliveries together lead to, in the form of [`ROWS`].
fn expected(deliveries: &Deliveries) -> Vec<String> {
    (0..TRIPS)
        .filter_map(|n| expected_row(deliveries, n))
        .collect()
}

fn expected_row(deliveries: &Deliveries, n: u128) -> Option<String> {
    let of_trip = deliveries.iter().filter_map(|((block, requested), trips)| {
        let (published, distance) = trips.get(&n)?;
        Some((*published, *requested, *block, *distance))
    });
    let (published, requested, owner, distance) = of_trip.clone().max()?;
    let last = of_trip.map(|(_, requested, ..)| requested).max()?;
    let withdrawn = deliveries
        .keys()
        .filter(|(block, requested)| *block == owner && *requested > last)
        .map(|(_, requested)| *requested)
        .min();
    let mut row = format!("{n}|{distance}|{owner}|{requested}");
    for number in [published, withdrawn] {
        let number = number.map_or_else(|| "null".to_owned(), |it| it.to_string());
        write!(row, "|{number}").ok()?;
    }
    let flags = if owner == 0 { "{}" } else { "{outside_hour}" };
    write!(row, "|{flags}").ok()?;
    Some(row)
}

/// Every trip: its content, owner, request time, publication time and withdrawal.
const ROWS: &str = "
    SELECT ('x' || right(t.trip_id::text, 2))::bit(8)::int AS n, t.trip_distance, s.n, minutes(t.delivered_at),
           minutes(t.publication_time), minutes(t.withdrawn_at), t.flags
    FROM api.trips t
    JOIN (SELECT schedule_id, row_number() OVER (ORDER BY block_start) - 1 AS n FROM api.schedule) s USING (schedule_id)
    ORDER BY 1";

const MINUTES: &str = "
    CREATE FUNCTION minutes(t timestamptz) RETURNS int IMMUTABLE LANGUAGE sql
    AS $$ SELECT extract(epoch FROM t - '2020-01-01T10:00:00Z')::int / 60 $$";

/// Loads a delivery as soon as no other load of its block is in progress.
async fn load(db: &Db, block: usize, requested: i64, delivered: &Delivered) {
    let trips: Vec<_> = delivered
        .iter()
        .map(|(n, (published, distance))| {
            let mut trip = trip(*n);
            trip.publication_time = published.map(at);
            trip.trip_distance = *distance;
            if block > 0 {
                trip.flags.insert(Flag::OutsideHour);
            }
            trip
        })
        .collect();
    let schedule_id = db.schedule_id(block).await;
    let mut claim = loop {
        match db.store.claim(schedule_id).await {
            Err(StoreError::Busy { .. }) => sleep(Duration::from_millis(2)).await,
            claimed => break claimed.unwrap(),
        }
    };
    let request = request_at(at(requested), trips.len(), 0);
    deliver(&mut claim, &trips, &[], request).await.unwrap();
    claim.release().await.unwrap();
}

async fn load_all(db: &Db, deliveries: &Deliveries, order: &Order) -> Vec<String> {
    db.sql
        .batch_execute("TRUNCATE api.trips; UPDATE api.schedule SET loaded_deliveries = NULL")
        .await
        .unwrap();
    let all: Vec<_> = deliveries.iter().collect();
    let mut left: BTreeSet<usize> = (0..all.len()).collect();
    let mut groups: Vec<BTreeSet<usize>> = Vec::new();
    for group in order {
        let group: BTreeSet<_> = group.iter().map(|it| it.index(all.len())).collect();
        left.retain(|n| !group.contains(n));
        groups.push(group);
    }
    groups.push(left);
    for group in groups {
        let loads = group.into_iter().map(|n| {
            let ((block, requested), delivered) = all[n];
            load(db, *block, *requested, delivered)
        });
        timeout(Duration::from_secs(20), join_all(loads))
            .await
            .unwrap();
    }
    db.rows(ROWS).await
}

#[test]
fn every_order_of_loading_leaves_the_same_rows() {
    let runtime = Runtime::new().unwrap();
    let db = runtime.block_on(Db::planned());
    runtime.block_on(db.sql.batch_execute(MINUTES)).unwrap();
    let cases = (deliveries(), prop::collection::vec(order(), 3));
    TestRunner::new(Config {
        cases: 30,
        failure_persistence: None,
        ..Config::default()
    })
    .run(&cases, |(deliveries, orders)| {
        let expected = expected(&deliveries);
        for order in orders {
            let found = runtime.block_on(load_all(&db, &deliveries, &order));
            prop_assert_eq!(&found, &expected, "loaded in the order {:?}", order);
        }
        Ok(())
    })
    .unwrap();
}
