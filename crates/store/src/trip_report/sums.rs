//! Adds up what the slices have counted.

use std::collections::{BTreeMap, HashSet};

use tokio_postgres::Row;
use uuid::Uuid;

use super::{TripFilters, TripGroup};
use crate::error::StoreError;
use crate::schedule::get;

/// Which trips are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupKey {
    /// The row of `api.providers` of the trips' blocks.
    pub(super) entry: Option<i32>,
    /// The provider's id in MDS.
    pub(super) id: Uuid,
    pub(super) vehicle_type: Option<String>,
}

impl GroupKey {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            entry: get(row, "entry")?,
            id: get(row, "provider_id")?,
            vehicle_type: get(row, "vehicle_type")?,
        })
    }
}

/// What is found in a trip: the bits of its class.
#[derive(Clone, Copy)]
pub(super) struct Class(i32);

impl Class {
    const WITHDRAWN: i32 = 1;
    const ZERO_DISTANCE: i32 = 2;
    const SHORT_DISTANCE: i32 = 4;
    const LONG_DISTANCE: i32 = 8;
    const LONG_DURATION: i32 = 16;
    const NO_RIDER: i32 = 32;
    const SINCE: i32 = 64;

    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        get(row, "class").map(Self)
    }

    pub(super) const fn is_withdrawn(self) -> bool {
        self.has(Self::WITHDRAWN)
    }

    const fn has(self, bit: i32) -> bool {
        self.0 & bit != 0
    }

    const fn is_counted(self, filters: TripFilters) -> bool {
        let left_out = Self::WITHDRAWN
            | Self::SHORT_DISTANCE
            | Self::LONG_DISTANCE
            | Self::LONG_DURATION
            | if filters.riders_only {
                Self::NO_RIDER
            } else {
                0
            };
        !self.has(left_out)
    }
}

#[derive(Default)]
struct Sum {
    group: TripGroup,
    /// Overlapping trips that reach from one slice into another: each is found in both.
    reaching: HashSet<Uuid>,
}

/// The sums by group.
#[derive(Default)]
pub(super) struct Sums(BTreeMap<GroupKey, Sum>);

impl Sums {
    pub(super) fn add(&mut self, row: &Row, filters: TripFilters) -> Result<(), StoreError> {
        let sum = self.0.entry(GroupKey::read(row)?).or_default();
        sum.group.add(row, Class::of(row)?, filters)
    }

    pub(super) fn add_overlapping(&mut self, row: &Row) -> Result<(), StoreError> {
        let sum = self.0.entry(GroupKey::read(row)?).or_default();
        let reaching: Option<Vec<Uuid>> = get(row, "reaching")?;
        sum.reaching.extend(reaching.into_iter().flatten());
        sum.group.overlapping += get::<i64>(row, "overlapping")?.unsigned_abs();
        Ok(())
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        for (key, some) in other.0 {
            let sum = self.0.entry(key).or_default();
            sum.group.merge(&some.group);
            sum.reaching.extend(some.reaching);
        }
        self
    }

    /// The groups, still without the names of their providers.
    pub(super) fn into_groups(self) -> impl Iterator<Item = (GroupKey, TripGroup)> {
        self.0.into_iter().map(|(key, mut sum)| {
            sum.group.overlapping += sum.reaching.len() as u64;
            (key, sum.group)
        })
    }
}

impl TripGroup {
    fn add(&mut self, row: &Row, class: Class, filters: TripFilters) -> Result<(), StoreError> {
        let number = |column| get::<i64>(row, column).map(i64::unsigned_abs);
        let trips = number("trips")?;
        self.received_at = self.received_at.max(get(row, "received_at")?);
        let is_new = class.has(Class::SINCE);
        if class.is_withdrawn() {
            self.withdrawn += trips;
            self.withdrawn_since += if is_new { trips } else { 0 };
            return Ok(());
        }
        self.trips += trips;
        for (count, is_counted) in [
            (&mut self.arrived_since, is_new),
            (&mut self.zero_distance, class.has(Class::ZERO_DISTANCE)),
            (&mut self.long_distance, class.has(Class::LONG_DISTANCE)),
            (&mut self.long_duration, class.has(Class::LONG_DURATION)),
            (&mut self.not_a_rider_trip, class.has(Class::NO_RIDER)),
            (&mut self.counted, class.is_counted(filters)),
        ] {
            *count += if is_counted { trips } else { 0 };
        }
        if class.is_counted(filters) {
            let sum = |column| get::<Option<i64>>(row, column).map(Option::unwrap_or_default);
            self.counted_metres = self.counted_metres.saturating_add(sum("metres")?);
            self.counted_seconds = self.counted_seconds.saturating_add(sum("seconds")?);
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) {
        let Self {
            provider: _,
            vehicle_type: _,
            trips,
            counted,
            counted_metres,
            counted_seconds,
            zero_distance,
            long_distance,
            long_duration,
            not_a_rider_trip,
            overlapping,
            withdrawn,
            arrived_since,
            withdrawn_since,
            received_at,
        } = other;
        self.trips += trips;
        self.counted += counted;
        self.counted_metres = self.counted_metres.saturating_add(*counted_metres);
        self.counted_seconds = self.counted_seconds.saturating_add(*counted_seconds);
        self.zero_distance += zero_distance;
        self.long_distance += long_distance;
        self.long_duration += long_duration;
        self.not_a_rider_trip += not_a_rider_trip;
        self.overlapping += overlapping;
        self.withdrawn += withdrawn;
        self.arrived_since += arrived_since;
        self.withdrawn_since += withdrawn_since;
        self.received_at = self.received_at.max(*received_at);
    }
}
