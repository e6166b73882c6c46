//! The slices in which a range is counted, and the trips that reach from one into another.
//!
//! Two trips of a device that overlap end in the same slice, or one of them reaches into the slice
//! in which the other ends. So it is enough to add to each slice the trips of later slices that
//! began before its end, which are few.

use chrono::{DateTime, TimeDelta, Utc};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use trips::block::HourRange;
use uuid::Uuid;

use super::sums::Class;
use crate::error::StoreError;
use crate::schedule::get;

const SLICE_HOURS: i64 = 24;

/// They are kept in memory: some 50 MB at most.
const MAX_REACHING: usize = 500_000;

/// Trips are in the slice in which they end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
}

impl Slice {
    pub(super) fn whole(range: HourRange) -> Self {
        Self {
            from: range.first().start(),
            to: range.end().start(),
        }
    }
}

/// The slices of a range, in order; at least one.
pub(super) fn slices(range: HourRange) -> Vec<Slice> {
    let whole = Slice::whole(range);
    let mut slices = Vec::new();
    let mut from = whole.from;
    while from < whole.to {
        let to = whole.to.min(from + TimeDelta::hours(SLICE_HOURS));
        slices.push(Slice { from, to });
        from = to;
    }
    slices
}

/// The trips that began before the slice in which they end, unless they are too many to be kept.
#[derive(Default)]
pub(super) struct Reaching {
    trips: Vec<ReachingTrip>,
    are_too_many: bool,
}

struct ReachingTrip {
    provider_id: Uuid,
    device_id: Uuid,
    vehicle_type: Option<String>,
    schedule_id: Option<i64>,
    trip_id: Uuid,
    start_time: DateTime<Utc>,
    end_time: DateTime<Utc>,
}

/// Trips as the columns of a statement's parameters.
#[derive(Default)]
pub(super) struct Others<'a> {
    provider_ids: Vec<Uuid>,
    device_ids: Vec<Uuid>,
    vehicle_types: Vec<Option<&'a str>>,
    schedule_ids: Vec<Option<i64>>,
    trip_ids: Vec<Uuid>,
    start_times: Vec<DateTime<Utc>>,
    end_times: Vec<DateTime<Utc>>,
}

impl Reaching {
    /// A row of [`count`](super::count) has a device if it is such a trip.
    pub(super) fn add(&mut self, row: &Row) -> Result<(), StoreError> {
        if let Some(device_id) = get(row, "device_id")?
            && !Class::of(row)?.is_withdrawn()
        {
            self.trips.push(ReachingTrip::read(row, device_id)?);
            self.limit();
        }
        Ok(())
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.trips.extend(other.trips);
        self.are_too_many |= other.are_too_many;
        self.limit();
        self
    }

    pub(super) const fn are_few(&self) -> bool {
        !self.are_too_many
    }

    fn limit(&mut self) {
        self.are_too_many |= self.trips.len() > MAX_REACHING;
        if self.are_too_many {
            self.trips = Vec::new();
        }
    }

    /// The trips of later slices that began before the end of this one.
    pub(super) fn of_later_slices(&self, slice: &Slice) -> Others<'_> {
        let mut others = Others::default();
        for trip in &self.trips {
            if trip.end_time >= slice.to && trip.start_time < slice.to {
                others.push(trip);
            }
        }
        others
    }
}

impl ReachingTrip {
    fn read(row: &Row, device_id: Uuid) -> Result<Self, StoreError> {
        Ok(Self {
            provider_id: get(row, "provider_id")?,
            device_id,
            vehicle_type: get(row, "vehicle_type")?,
            schedule_id: get(row, "schedule_id")?,
            trip_id: get(row, "trip_id")?,
            start_time: get(row, "start_time")?,
            end_time: get(row, "end_time")?,
        })
    }
}

impl<'a> Others<'a> {
    fn push(&mut self, trip: &'a ReachingTrip) {
        self.provider_ids.push(trip.provider_id);
        self.device_ids.push(trip.device_id);
        self.vehicle_types.push(trip.vehicle_type.as_deref());
        self.schedule_ids.push(trip.schedule_id);
        self.trip_ids.push(trip.trip_id);
        self.start_times.push(trip.start_time);
        self.end_times.push(trip.end_time);
    }

    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 7] {
        [
            &self.provider_ids,
            &self.device_ids,
            &self.vehicle_types,
            &self.schedule_ids,
            &self.trip_ids,
            &self.start_times,
            &self.end_times,
        ]
    }
}
