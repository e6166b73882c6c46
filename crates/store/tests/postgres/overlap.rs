//! The flag `overlap`, compared with its definition on random trips.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use trips::trip::Trip;
use uuid::Uuid;

use crate::fixture::{Db, at, load, trip};

/// Device, start and length in minutes.
type Leg = (u128, i64, i64);

fn overlaps(a: Leg, b: Leg) -> bool {
    a.0 == b.0 && a.1 < b.1 + b.2 && b.1 < a.1 + a.2
}

fn delivery(legs: &[Leg]) -> Vec<Trip> {
    legs.iter()
        .map(|(device, start, minutes)| {
            let mut trip = trip(0);
            trip.trip_id = Uuid::new_v4();
            trip.device_id = Uuid::from_u128(*device);
            (trip.start_time, trip.end_time) = (at(*start), at(start + minutes));
            trip
        })
        .collect()
}

#[test]
fn a_trip_is_flagged_if_another_of_its_device_overlaps_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(Db::planned());
    let claim = RefCell::new(runtime.block_on(db.claim(0)));
    let legs = prop::collection::vec((0_u128..3, 0_i64..12, 0_i64..6), 0..14);
    TestRunner::new(Config::with_cases(100))
        .run(&legs, |legs| {
            let delivery = delivery(&legs);
            runtime
                .block_on(load(&mut claim.borrow_mut(), &delivery, 0))
                .unwrap();
            let flagged =
                runtime.block_on(db.rows("SELECT trip_id, 'overlap' = ANY (flags) FROM api.trips"));
            let flagged: BTreeMap<_, _> = flagged
                .iter()
                .filter_map(|row| row.split_once('|'))
                .collect();
            for (n, (leg, trip)) in legs.iter().zip(&delivery).enumerate() {
                let others = legs.iter().enumerate().filter(|(m, _)| *m != n);
                let expected = others.into_iter().any(|(_, other)| overlaps(*leg, *other));
                let found = flagged[trip.trip_id.to_string().as_str()] == "t";
                prop_assert_eq!(found, expected, "{:?} of {:?}", leg, legs);
            }
            Ok(())
        })
        .unwrap();
}
