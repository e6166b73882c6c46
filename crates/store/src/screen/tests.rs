use chrono::{DateTime, TimeDelta, Utc};
use trips::Labels;
use trips::trip::{Flags, Point, Trip};

use super::*;

fn trip(n: u128, device: u128, start: i64, end: i64) -> Trip {
    let at = |minutes| DateTime::<Utc>::UNIX_EPOCH + TimeDelta::minutes(minutes);
    let point = Point {
        lat: 30.26,
        lng: -97.74,
    };
    Trip {
        provider_id: Uuid::from_u128(1),
        provider_name: None,
        device_id: Uuid::from_u128(device),
        vehicle_id: None,
        vehicle_type: None,
        propulsion_type: None,
        trip_id: Uuid::from_u128(n),
        trip_duration: 600,
        trip_distance: 1500,
        accuracy: None,
        start_time: at(start),
        end_time: at(end),
        publication_time: None,
        parking_verification_url: None,
        standard_cost: None,
        actual_cost: None,
        currency: None,
        start: point,
        end: point,
        data_provider_id: None,
        journey_id: None,
        trip_type: None,
        parking_category: None,
        flags: Flags::NONE,
    }
}

fn seen(trips: impl IntoIterator<Item = Trip>) -> Screened {
    let mut screen = Screen::default();
    for trip in trips {
        screen.add(&LoadRow {
            seq: 0,
            trip: &trip,
            start: Labels::default(),
            end: Labels::default(),
            public_id: trip.trip_id,
            device_public_id: Uuid::from_u128(!trip.device_id.as_u128()),
        });
    }
    screen.finish()
}

#[test]
fn trips_that_repeat_and_trips_that_overlap_are_told_apart() {
    let alone = [trip(1, 1, 0, 10), trip(2, 2, 5, 15), trip(3, 1, 10, 20)];
    let screened = seen(alone.clone());
    assert_eq!(screened.repeated, Some(Vec::new()));
    assert_eq!(
        screened.overlapping,
        Some(Vec::new()),
        "one starts when the other one ends"
    );
    assert_eq!(screened.devices.map(|it| it.len()), Some(2));

    let repeated = alone.clone().into_iter().chain([trip(2, 3, 30, 40)]);
    let screened = seen(repeated);
    assert_eq!(screened.repeated, Some(vec![Uuid::from_u128(2)]));
    assert_eq!(screened.overlapping, Some(Vec::new()));

    // The one in between does not overlap the last one, but the first one does.
    let long = [trip(1, 1, 0, 60), trip(2, 2, 5, 15), trip(3, 2, 20, 30)];
    let overlapping = long.into_iter().chain([trip(4, 1, 50, 70)]);
    let screened = seen(overlapping);
    assert_eq!(screened.repeated, Some(Vec::new()));
    assert_eq!(screened.overlapping, Some(vec![Uuid::from_u128(1)]));
}

#[test]
fn nothing_is_known_of_more_trips_than_fit() {
    let most = u128::try_from(MAX_TRIPS).unwrap();
    let fit = seen((0..most).map(|n| trip(n, n, 0, 10)));
    assert!(fit.repeated.is_some() && fit.many_devices().is_some());
    let too_many = seen((0..=most).map(|n| trip(n, n, 0, 10)));
    assert!(too_many.repeated.is_none() && too_many.overlapping.is_none());
    assert!(too_many.many_devices().is_none());
}
