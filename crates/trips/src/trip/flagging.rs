//! Sets the flags of a trip that can be loaded.

use super::parse::Shape;
use super::rules::Times;
use super::{Flag, Flags, Rules, Trip};
use crate::VehicleType;

/// 500 miles in metres, to the metre.
const LONG_DISTANCE_METRES: i64 = 804_672;
const LONG_DURATION_SECONDS: i64 = 24 * 60 * 60;
const SHORT_DURATION_SECONDS: i64 = 60;
const MISMATCH_MILLISECONDS: i128 = 60_000;
/// The trip types of MDS 2.0 in which the customer rides.
const RIDER_TRIP_TYPES: [&str; 3] = ["rider", "private", "shared"];

impl Rules<'_> {
    /// Every flag that needs only the trip itself, `found` included: those of its fields.
    pub(super) fn flags(&self, trip: &Trip, shape: &Shape, times: &Times, found: Flags) -> Flags {
        let outside = [trip.start, trip.end]
            .into_iter()
            .filter(|point| self.covers(*point) == Some(false));
        let track = match shape {
            Shape::Route(track) => *track,
            Shape::Locations { .. } | Shape::Unknown => None,
        };
        let seconds_expected =
            self.feed.seconds_expected && !matches!(shape, Shape::Locations { .. });

        let mut flags = found;
        flags.set_if(Flag::OutsideHour, !self.hour.contains(trip.end_time));
        flags.set_if(Flag::ZeroDistance, trip.trip_distance <= 0);
        flags.set_if(
            Flag::LongDistance,
            trip.trip_distance > LONG_DISTANCE_METRES,
        );
        flags.set_if(
            Flag::LongDuration,
            trip.trip_duration > LONG_DURATION_SECONDS,
        );
        flags.set_if(
            Flag::ShortDuration,
            trip.trip_duration < SHORT_DURATION_SECONDS,
        );
        flags.set_if(Flag::DurationMismatch, is_duration_mismatch(trip));
        flags.set_if(
            Flag::UnorderedRoute,
            track.is_some_and(|track| track.is_unordered()),
        );
        flags.set_if(
            Flag::UnusableField,
            track.is_some_and(|track| track.has_unreadable_point()),
        );
        flags.set_if(
            Flag::SinglePoint,
            track.is_some_and(|track| track.is_single_point()),
        );
        flags.set_if(
            Flag::SecondsForMilliseconds,
            !seconds_expected && times.has_seconds(),
        );
        for point in outside {
            flags.insert(Flag::OutsideArea);
            flags.set_if(
                Flag::SwappedCoordinatesSuspected,
                self.covers(point.swapped()) == Some(true),
            );
        }
        let negative = |cost: Option<i64>| cost.is_some_and(|cost| cost < 0);
        flags.set_if(
            Flag::NegativeCost,
            negative(trip.standard_cost) || negative(trip.actual_cost),
        );
        let kind = trip.vehicle_type.as_deref();
        flags.set_if(
            Flag::UnknownVehicleType,
            kind.is_some_and(|kind| VehicleType::of(kind).is_none()),
        );
        let no_rider = trip.trip_type.as_deref().is_some_and(is_without_rider);
        flags.set_if(Flag::NotARiderTrip, no_rider);
        flags
    }
}

/// Whether the duration differs from the time between start and end by more than a minute and by
/// more than a tenth of it.
fn is_duration_mismatch(trip: &Trip) -> bool {
    let elapsed = i128::from((trip.end_time - trip.start_time).num_milliseconds());
    let difference = (i128::from(trip.trip_duration) * 1000 - elapsed).abs();
    difference > MISMATCH_MILLISECONDS && difference * 10 > elapsed
}

fn is_without_rider(trip_types: &str) -> bool {
    !trip_types.split(',').any(|trip_type| {
        RIDER_TRIP_TYPES
            .iter()
            .any(|rider| trip_type.eq_ignore_ascii_case(rider))
    })
}
