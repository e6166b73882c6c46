//! Counts the trips of a slice as they come.

use std::collections::HashMap;

use uuid::Uuid;

use super::overlaps::Ride;
use super::rows::{Micros, TripRow, time};
use super::slice::{Slice, SliceTrips};
use super::sums::{Class, GroupKey, place_of};
use super::{TripFilters, TripGroup};
use crate::error::StoreError;

/// How many trips of a slice are kept for the search for overlaps: 24 MB. So many in three hours
/// are 120 million a month.
const MAX_RIDES: usize = 500_000;

/// The trips of a slice so far.
#[derive(Default)]
pub(super) struct Counting {
    groups: Vec<BlockGroup>,
    /// The places of a block's groups. Each has one for each type of vehicle, which are few.
    by_block: HashMap<(Option<i64>, Uuid), Vec<u32>>,
    /// The place of the last trip's group. Trips of a block lie together.
    last: u32,
    rides: Vec<Ride>,
    are_too_many: bool,
}

/// The trips of a block, a provider's id and a type of vehicle.
struct BlockGroup {
    schedule_id: Option<i64>,
    provider_id: Uuid,
    vehicle_type: Option<Vec<u8>>,
    counts: TripGroup,
    received_at: Option<Micros>,
}

impl BlockGroup {
    fn new(trip: &TripRow<'_>) -> Self {
        Self {
            schedule_id: trip.schedule_id,
            provider_id: trip.provider_id,
            vehicle_type: trip.vehicle_type.map(<[u8]>::to_vec),
            counts: TripGroup::default(),
            received_at: None,
        }
    }

    fn is_of(&self, trip: &TripRow<'_>) -> bool {
        self.schedule_id == trip.schedule_id
            && self.vehicle_type.as_deref() == trip.vehicle_type
            && self.provider_id == trip.provider_id
    }
}

impl Counting {
    pub(super) fn add(
        &mut self,
        trip: &TripRow<'_>,
        class: Class,
        filters: TripFilters,
    ) -> Result<(), StoreError> {
        let place = self.place(trip)?;
        if let Some(group) = self.groups.get_mut(place as usize) {
            group.counts.add(trip, class, filters);
            group.received_at = group.received_at.max(trip.received_at);
        }
        if !class.is_withdrawn() && !self.are_too_many {
            self.rides.push(Ride::new(trip, place));
            if self.rides.len() > MAX_RIDES {
                self.are_too_many = true;
                self.rides = Vec::new();
            }
        }
        Ok(())
    }

    /// The place of a trip's group, which is made if there is none.
    fn place(&mut self, trip: &TripRow<'_>) -> Result<u32, StoreError> {
        let Self {
            groups, by_block, ..
        } = self;
        let is_its = |place: u32| groups.get(place as usize).is_some_and(|it| it.is_of(trip));
        if !is_its(self.last) {
            let places = by_block
                .entry((trip.schedule_id, trip.provider_id))
                .or_default();
            self.last = match places.iter().copied().find(|place| is_its(*place)) {
                Some(place) => place,
                None => {
                    let place = place_of(groups.len())?;
                    places.push(place);
                    groups.push(BlockGroup::new(trip));
                    place
                }
            };
        }
        Ok(self.last)
    }

    /// The blocks of the trips.
    pub(super) fn blocks(&self) -> Vec<i64> {
        self.by_block
            .keys()
            .filter_map(|(block, _)| *block)
            .collect()
    }

    /// The counts, under the rows of `api.providers` of the blocks; and the trips, unless they are
    /// too many.
    pub(super) fn finish(
        self,
        slice: Slice,
        entries: &HashMap<i64, i32>,
    ) -> Result<SliceTrips, StoreError> {
        let groups = self.groups.into_iter().map(|group| {
            let vehicle_type = group.vehicle_type.map(String::from_utf8).transpose();
            let key = GroupKey {
                entry: group.schedule_id.and_then(|it| entries.get(&it).copied()),
                id: group.provider_id,
                vehicle_type: vehicle_type.map_err(|_| StoreError::Corrupt {
                    what: "api.trips.vehicle_type",
                })?,
            };
            let counts = TripGroup {
                received_at: group.received_at.and_then(time),
                ..group.counts
            };
            Ok((key, counts))
        });
        Ok(SliceTrips {
            slice,
            groups: groups.collect::<Result<_, StoreError>>()?,
            rides: (!self.are_too_many).then_some(self.rides),
        })
    }
}
