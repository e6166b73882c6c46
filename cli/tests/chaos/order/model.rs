//! What the tables have to hold, as a function of what was delivered and loaded. No order of
//! loading occurs in it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use trips::status::BlockStatus;

use super::story::{Place, Trip};

/// An answer that was loaded, or that said the same as one which was.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) place: Place,
    pub(super) schedule_id: i64,
    pub(super) at: DateTime<Utc>,
    pub(super) trips: Vec<Trip>,
}

/// A row of `api.trips`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) trip: Trip,
    pub(super) owner: Place,
    pub(super) is_withdrawn: bool,
}

/// What the schedule says about a block after everything is done.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) status: BlockStatus,
    pub(super) fetched: i64,
    pub(super) loaded: i64,
    pub(super) rejected: i64,
    pub(super) duplicates: i64,
}

/// The trips of an answer that can be loaded, one of each. Of several deliveries of a trip in one
/// answer the one with the latest publication time counts, of those the last one.
pub(super) fn loadable(trips: &[Trip]) -> BTreeMap<usize, Trip> {
    let mut distinct = BTreeMap::<usize, Trip>::new();
    for trip in trips.iter().filter(|it| !it.is_broken) {
        let newest = distinct.entry(trip.number).or_insert(*trip);
        if trip.published >= newest.published {
            *newest = *trip;
        }
    }
    distinct
}

fn rejected(trips: &[Trip]) -> BTreeSet<usize> {
    let broken = trips.iter().filter(|it| it.is_broken);
    broken.map(|it| it.number).collect()
}

/// The rows after these deliveries, by the provider's and the trip's position.
///
/// A row holds the delivery with the latest publication time, then the latest request. Its trip is
/// withdrawn if the owner was requested again after the last delivery of the trip, and the answer
/// did not mention it.
pub(super) fn rows(deliveries: &[Delivery]) -> BTreeMap<(usize, usize), Row> {
    let answers: Vec<_> = deliveries
        .iter()
        .map(|it| (it, loadable(&it.trips), rejected(&it.trips)))
        .collect();
    let mut newest = BTreeMap::new();
    let mut last = BTreeMap::new();
    for (delivery, trips, _) in &answers {
        for trip in trips.values() {
            let key = (delivery.place.provider, trip.number);
            let rank = (trip.published, delivery.at, delivery.schedule_id);
            let candidate = (rank, *trip, delivery.place);
            let best = newest.entry(key).or_insert(candidate);
            if rank >= best.0 {
                *best = candidate;
            }
            let last = last.entry(key).or_insert(delivery.at);
            *last = delivery.at.max(*last);
        }
    }
    newest
        .into_iter()
        .map(|(key, (_, trip, owner))| {
            let is_withdrawn = answers.iter().any(|(delivery, trips, rejected)| {
                delivery.place == owner
                    && delivery.at > last[&key]
                    && !trips.contains_key(&trip.number)
                    && !rejected.contains(&trip.number)
            });
            let row = Row {
                trip,
                owner,
                is_withdrawn,
            };
            (key, row)
        })
        .collect()
}

/// The end of a block whose archive holds these trips.
pub(super) fn end(trips: &[Trip]) -> End {
    let count = |n: usize| i64::try_from(n).unwrap();
    let (fetched, loaded) = (trips.len(), loadable(trips).len());
    let rejected = trips.iter().filter(|it| it.is_broken).count();
    End {
        status: match (fetched, loaded) {
            (0, _) => BlockStatus::NoTrips,
            (_, 0) => BlockStatus::AllRejected,
            _ => BlockStatus::Published,
        },
        fetched: count(fetched),
        loaded: count(loaded),
        rejected: count(rejected),
        duplicates: count(fetched - rejected - loaded),
    }
}
