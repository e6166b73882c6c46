//! Adds up what the slices have counted.

use std::collections::BTreeMap;

use tokio_postgres::Row;
use uuid::Uuid;

use super::rows::TripRow;
use super::{TripFilters, TripGroup};
use crate::error::StoreError;
use crate::schedule::{get, read_count};

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
    pub(super) const ZERO_DISTANCE: i32 = 2;
    pub(super) const SHORT_DISTANCE: i32 = 4;
    pub(super) const LONG_DISTANCE: i32 = 8;
    pub(super) const LONG_DURATION: i32 = 16;
    const NO_RIDER: i32 = 32;
    const SINCE: i32 = 64;

    /// The bits that the database has found.
    pub(super) const fn of_bits(bits: i32) -> Self {
        Self(bits)
    }

    pub(super) const fn with(self, bit: i32, is_set: bool) -> Self {
        Self(if is_set { self.0 | bit } else { self.0 })
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

/// Where a group is among the sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) group: u32,
    /// The number of its provider's id.
    pub(super) provider: u32,
}

/// Places are smaller than an address, because millions of trips have one.
pub(super) fn place_of(index: usize) -> Result<u32, StoreError> {
    u32::try_from(index).map_err(|_| StoreError::Corrupt {
        what: "the number of providers and types of vehicles",
    })
}

/// The sums by group.
#[derive(Default)]
pub(super) struct Sums {
    groups: Vec<TripGroup>,
    places: BTreeMap<GroupKey, Place>,
    providers: BTreeMap<Uuid, u32>,
}

impl Sums {
    /// Adds the counts of some groups and returns the places of these.
    pub(super) fn add(
        &mut self,
        some: Vec<(GroupKey, TripGroup)>,
    ) -> Result<Vec<Place>, StoreError> {
        some.into_iter()
            .map(|(key, counts)| {
                let place = self.place(key)?;
                if let Some(group) = self.groups.get_mut(place.group as usize) {
                    group.merge(&counts);
                }
                Ok(place)
            })
            .collect()
    }

    fn place(&mut self, key: GroupKey) -> Result<Place, StoreError> {
        if let Some(place) = self.places.get(&key) {
            return Ok(*place);
        }
        let next = place_of(self.providers.len())?;
        let place = Place {
            group: place_of(self.groups.len())?,
            provider: *self.providers.entry(key.id).or_insert(next),
        };
        self.groups.push(TripGroup::default());
        self.places.insert(key, place);
        Ok(place)
    }

    /// One trip more of the group at this place overlaps another one.
    pub(super) fn add_overlapping(&mut self, group: u32) {
        if let Some(group) = self.groups.get_mut(group as usize) {
            group.overlapping += 1;
        }
    }

    /// Replaces the overlapping trips by those that the database has counted.
    pub(super) fn set_overlapping(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        for group in &mut self.groups {
            group.overlapping = 0;
        }
        for row in rows {
            let place = self.place(GroupKey::read(row)?)?;
            let found = read_count(row, "overlapping")?;
            if let Some(group) = self.groups.get_mut(place.group as usize) {
                group.overlapping += found;
            }
        }
        Ok(())
    }

    /// The groups, still without the names of their providers.
    pub(super) fn into_groups(self) -> impl Iterator<Item = (GroupKey, TripGroup)> {
        let Self {
            places, mut groups, ..
        } = self;
        places.into_iter().map(move |(key, place)| {
            let group = groups.get_mut(place.group as usize).map(std::mem::take);
            (key, group.unwrap_or_default())
        })
    }
}

impl TripGroup {
    /// Adds a trip, but for the time at which it was received.
    pub(super) const fn add(&mut self, trip: &TripRow<'_>, class: Class, filters: TripFilters) {
        let is_new = class.has(Class::SINCE);
        if class.is_withdrawn() {
            self.withdrawn += 1;
            self.withdrawn_since += is_new as u64;
            return;
        }
        self.trips += 1;
        self.arrived_since += is_new as u64;
        self.zero_distance += class.has(Class::ZERO_DISTANCE) as u64;
        self.long_distance += class.has(Class::LONG_DISTANCE) as u64;
        self.long_duration += class.has(Class::LONG_DURATION) as u64;
        self.not_a_rider_trip += class.has(Class::NO_RIDER) as u64;
        if class.is_counted(filters) {
            self.counted += 1;
            self.counted_metres = self.counted_metres.saturating_add(trip.metres);
            self.counted_seconds = self.counted_seconds.saturating_add(trip.seconds);
        }
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
