//! Which trips a monthly report counts.

use serde::Serialize;
use store::TripFilters;

/// Metres of a mile, exactly.
pub(super) const METRES_PER_MILE: f64 = 1609.344;
const SECONDS_PER_HOUR: f64 = 3600.0;

/// Which trips count. The defaults are those of the city's own published queries: 0.1 to 500 miles,
/// at most 24 hours, and a rider.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReportFilters {
    /// The shortest distance that counts, in miles.
    pub min_miles: f64,
    /// The longest distance that counts, in miles.
    pub max_miles: f64,
    /// The longest duration that counts, in hours.
    pub max_hours: f64,
    /// Whether trips without a rider are left out: those with the flag `not_a_rider_trip`.
    pub riders_only: bool,
}

impl Default for ReportFilters {
    fn default() -> Self {
        Self {
            min_miles: 0.1,
            max_miles: 500.0,
            max_hours: 24.0,
            riders_only: true,
        }
    }
}

impl From<ReportFilters> for TripFilters {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float that is too large becomes the largest number, which is no limit"
    )]
    fn from(filters: ReportFilters) -> Self {
        Self {
            min_metres: filters.min_miles * METRES_PER_MILE,
            max_metres: filters.max_miles * METRES_PER_MILE,
            max_seconds: (filters.max_hours * SECONDS_PER_HOUR).floor() as i64,
            riders_only: filters.riders_only,
        }
    }
}
