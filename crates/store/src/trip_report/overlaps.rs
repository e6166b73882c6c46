//! Finds the trips of a device that overlap, slice by slice, the last one first.
//!
//! Two trips of a device that overlap end in the same slice, or the one that ends later began
//! before the end of the other one's slice. So it is enough to keep the trips of later slices that
//! were under way when the next slice ends: no more than there are vehicles on the way at a moment.

use super::rows::{Micros, TripRow};
use super::sums::{Place, Sums};

/// How many trips are kept from slice to slice: 24 MB.
const MAX_UNDER_WAY: usize = 500_000;

/// What the search needs of a trip. Trips are sorted by their fields, in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ride {
    device: u128,
    /// The number of the provider's id, for devices of two providers with the same id.
    provider: u32,
    start: Micros,
    end: Micros,
    /// Whether it was found to overlap. Of equal trips one does not, in each slice the same.
    is_found: bool,
    group: u32,
}

impl Ride {
    /// A trip of a group of its slice.
    pub(super) fn new(trip: &TripRow<'_>, group: u32) -> Self {
        Self {
            device: trip.device_id.as_u128(),
            provider: 0,
            start: trip.start,
            end: trip.end,
            is_found: false,
            group,
        }
    }
}

/// The search so far.
#[derive(Default)]
pub(super) struct Overlaps {
    /// The trips of later slices that began before the next slice ends.
    under_way: Vec<Ride>,
    are_too_many: bool,
}

impl Overlaps {
    /// Adds the overlapping trips of the slice from `from` on to the sums. The trips have the
    /// places of their groups in `places`; they are `None` if they are too many.
    pub(super) fn add_slice(
        &mut self,
        from: Micros,
        rides: Option<Vec<Ride>>,
        places: &[Place],
        sums: &mut Sums,
    ) {
        let (Some(mut rides), false) = (rides, self.are_too_many) else {
            *self = Self::gave_up();
            return;
        };
        for ride in &mut rides {
            if let Some(place) = places.get(ride.group as usize) {
                (ride.provider, ride.group) = (place.provider, place.group);
            }
        }
        rides.append(&mut self.under_way);
        rides.sort_unstable();
        let is_same_device =
            |one: &Ride, other: &Ride| one.device == other.device && one.provider == other.provider;
        for rides in rides.chunk_by_mut(is_same_device) {
            let mut latest_end = Micros::MIN;
            for ride in rides {
                if ride.start < latest_end && !ride.is_found {
                    ride.is_found = true;
                    sums.add_overlapping(ride.group);
                }
                latest_end = latest_end.max(ride.end);
            }
        }
        rides.retain(|ride| ride.start < from);
        rides.shrink_to_fit();
        self.under_way = rides;
        if self.under_way.len() > MAX_UNDER_WAY {
            *self = Self::gave_up();
        }
    }

    const fn gave_up() -> Self {
        Self {
            under_way: Vec::new(),
            are_too_many: true,
        }
    }

    /// Whether all overlapping trips were found. If too many trips were under way at once, the
    /// database has to search.
    pub(super) const fn are_complete(&self) -> bool {
        !self.are_too_many
    }
}

#[cfg(test)]
mod tests;
