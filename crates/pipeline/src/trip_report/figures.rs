//! The figures of a group of trips.

use serde::Serialize;
use store::TripGroup;

use super::filters::METRES_PER_MILE;

/// The counts of a group of trips. Distances and averages are those of the trips after the filters.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct TripFigures {
    /// Trips that are not withdrawn.
    pub trips: u64,
    /// Those of them that pass the filters.
    pub trips_after_filters: u64,
    /// Their distance in miles, to a hundredth.
    pub miles: f64,
    /// Their average distance in miles, to a hundredth; 0 without a trip.
    pub average_miles: f64,
    /// Their average duration in minutes, to a hundredth; 0 without a trip.
    pub average_minutes: f64,
    /// Trips of no distance.
    pub zero_distance: u64,
    /// Trips that are longer than the filter's longest distance.
    pub long_distance: u64,
    /// Trips that take longer than the filter's longest duration.
    pub long_duration: u64,
    /// Trips without a rider.
    pub not_a_rider_trip: u64,
    /// Trips that began before an earlier trip of the same device ended, wherever in the month.
    pub overlapping: u64,
    /// Trips that the provider has withdrawn. No other count includes them.
    pub withdrawn: u64,
}

impl<'a> FromIterator<&'a TripGroup> for TripFigures {
    fn from_iter<I: IntoIterator<Item = &'a TripGroup>>(groups: I) -> Self {
        let (mut sum, mut metres, mut seconds) = (Self::default(), 0, 0);
        for group in groups {
            sum.trips += group.trips;
            sum.trips_after_filters += group.counted;
            sum.zero_distance += group.zero_distance;
            sum.long_distance += group.long_distance;
            sum.long_duration += group.long_duration;
            sum.not_a_rider_trip += group.not_a_rider_trip;
            sum.overlapping += group.overlapping;
            sum.withdrawn += group.withdrawn;
            metres += group.counted_metres;
            seconds += group.counted_seconds;
        }
        sum.miles = hundredths(metres, METRES_PER_MILE);
        if sum.trips_after_filters > 0 {
            sum.average_miles =
                hundredths(metres, METRES_PER_MILE * count(sum.trips_after_filters));
            sum.average_minutes = hundredths(seconds, 60.0 * count(sum.trips_after_filters));
        }
        sum
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sums of a month are far below 2^53, to which a float is exact"
)]
fn hundredths(sum: i64, by: f64) -> f64 {
    (sum as f64 / by * 100.0).round() / 100.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a month are far below 2^53, to which a float is exact"
)]
fn count(of: u64) -> f64 {
    of as f64
}
