//! Trips, as far as several targets look at them.

use chrono::{DateTime, Utc};
use trips::public_row::PublicTrip;
use trips::trip::Trip;

/// What of a trip may be published.
pub(super) fn public(trip: &Trip, modified: DateTime<Utc>) -> PublicTrip {
    PublicTrip {
        trip_id: trip.trip_id,
        device_id: trip.device_id,
        has_provider_id: false,
        vehicle_type: trip.vehicle_type.clone(),
        trip_duration: trip.trip_duration,
        trip_distance: trip.trip_distance,
        start_time: trip.start_time,
        end_time: trip.end_time,
        modified_date: modified,
        council_district_start: Some("9".to_owned()),
        council_district_end: None,
        census_geoid_start: Some("48453001100".to_owned()),
        census_geoid_end: None,
    }
}

/// The texts of a trip, which Postgres stores.
pub(super) fn texts(trip: &Trip) -> impl Iterator<Item = &str> {
    [
        &trip.provider_name,
        &trip.vehicle_id,
        &trip.vehicle_type,
        &trip.propulsion_type,
        &trip.parking_verification_url,
        &trip.currency,
        &trip.trip_type,
        &trip.parking_category,
    ]
    .into_iter()
    .flatten()
    .map(String::as_str)
}
